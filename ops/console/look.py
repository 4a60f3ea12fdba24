"""Looks at the parts of a stack one after the other. A part that cannot be looked at hides no other."""

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ops.error_advice import advice

T = TypeVar("T")
RUN_AGAIN = (", then run the command again", " Then run the command again.")
REASON_MAX = 300


class Look:
    """One look at all parts.

    Args:
        known: what earlier looks have found, by part; it is updated.

    Attributes:
        answers: the number of parts that could be looked at.
        failures: the errors of the other parts, by part.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known
        self.answers = 0
        self.failures: dict[str, Exception] = {}

    def at(self, part: str, look: Callable[[], T], otherwise: T) -> T:
        """What is found there now or, if that fails, what was found last; `otherwise` if there is neither."""
        try:
            found = look()
        except Exception as error:  # noqa: BLE001 -- the page shows what failed, and the next look tries it again
            self.failures[part] = error
            known: T = self._known.get(part, otherwise)
            return known
        self.answers += 1
        self._known[part] = found
        return found

    @property
    def has_no_answer(self) -> bool:
        """Whether the stack was not reached at all: no answer of any kind so far, not even a refusal."""
        return not self.answers and bool(self.failures) and all(map(is_unanswered, self.failures.values()))

    @property
    def incomplete(self) -> list[str]:
        """A sentence for each part that could not be read."""
        return [f"{part} could not be read: {reason(error)}" for part, error in self.failures.items()]

    @property
    def first_failure(self) -> Exception:
        """The error of the first part that failed."""
        return next(iter(self.failures.values()))


def is_unanswered(error: Exception) -> bool:
    """Whether the error is that nobody answered, as opposed to a refusal or a defect."""
    cause = _cause(error)
    return isinstance(cause, BotoCoreError) and not isinstance(cause, ClientError)


def reason(error: Exception) -> str:
    """What is wrong, on one line."""
    cause = _cause(error)
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:REASON_MAX]


def remedy(error: Exception, *, is_local: bool) -> str:
    """What to do about it."""
    if is_local and is_unanswered(error):
        return "If the local stack has stopped, start it again with `make up`, and open the address that it prints."
    found = advice(_cause(error))
    for phrase in RUN_AGAIN:
        found = found.replace(phrase, "")
    return f"{found} The console tries again by itself.".strip()


def _cause(error: Exception) -> Exception:
    """The error of botocore behind an error of this project."""
    cause = error.__cause__
    return cause if isinstance(cause, BotoCoreError | ClientError) else error
