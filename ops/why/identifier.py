"""The ids that `why` accepts. Pure."""

import re
from dataclasses import dataclass

from account_core.api.requests import ACCOUNT_ID

ANY_ID = r"[\x21-\x7e]{1,257}"
"""Visible ASCII. The longest is an operator's idempotency key: the subject, a comma and the key, of 128 each."""
EVENT_ID = rf"({ACCOUNT_ID}):([1-9][0-9]{{0,17}})"


class NotAnId(ValueError):
    """The text cannot be any of the ids. The message states what an id is."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """An id as the operator gave it.

    Attributes:
        event: the account and the sequence if it has the form of an event id.
        is_account_id: whether it has the form of an account id.
    """

    text: str
    event: tuple[str, int] | None
    is_account_id: bool

    def is_command_id(self, command_id: str | None) -> bool:
        """Whether a stored `CommandId` is this idempotency key. An operator's key is stored after its subject."""
        return command_id is not None and self.text in {command_id, command_id.rpartition(",")[2]}


def identifier(text: str) -> Identifier:
    """Parses an id. Raises NotAnId."""
    if not re.fullmatch(ANY_ID, text):
        raise NotAnId(
            "An id is visible ASCII without spaces: an account id, an event id such as ACCOUNT:12, a correlation id, a "
            "request id or an idempotency key."
        )
    event = re.fullmatch(EVENT_ID, text)
    return Identifier(text, (event[1], int(event[2])) if event else None, bool(re.fullmatch(ACCOUNT_ID, text)))
