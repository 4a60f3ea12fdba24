"""The gate's refusals, as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Reader(StrEnum):
    """A consumer that a change breaks."""

    OLD = "an old consumer reading new events"
    NEW = "a new consumer reading old events"


BOTH = (Reader.OLD, Reader.NEW)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something in the folder that is not allowed.

    Attributes:
        rule: the name of the rule that is broken.
        file: its path, relative to the folder of schemas.
        problem: what is wrong; it does not name the file, the field or the versions.
        instead: what to do.
        field: the field's path, with dots into nested records.
        versions: the published versions that the file conflicts with.
        breaks: the consumers that would break.
    """

    rule: str
    file: str
    problem: str
    instead: str
    field: str | None = None
    versions: tuple[int, ...] = ()
    breaks: tuple[Reader, ...] = ()

    def __str__(self) -> str:
        """The refusal as one line."""
        where = self.file + (f", field {self.field}" if self.field else "")
        if self.versions:
            numbers = ", ".join(map(str, self.versions))
            where += f", against published version{'s' if len(self.versions) > 1 else ''} {numbers}"
        breaks = f" It breaks {' and '.join(self.breaks)}." if self.breaks else ""
        return f"{where}: {self.problem}.{breaks} What to do: {self.instead}."


def grouped(refusals: Iterable[Refusal]) -> list[Refusal]:
    """Merges refusals that differ only in the versions that they conflict with."""
    found: dict[Refusal, tuple[int, ...]] = {}
    for refusal in refusals:
        bare = replace(refusal, versions=())
        found[bare] = (
            *found.get(bare, ()),
            *(number for number in refusal.versions if number not in found.get(bare, ())),
        )
    return [replace(refusal, versions=versions) for refusal, versions in found.items()]
