"""What the gate says no to, as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Reader(StrEnum):
    """Whose reading breaks."""

    OLD = "an old consumer reading new events"
    NEW = "a new consumer reading old events"


BOTH = (Reader.OLD, Reader.NEW)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that may not be so.

    Attributes:
        rule: which one, in a word or two; see `RULES` in `gate`.
        file: below the folder of the schemas.
        problem: what is wrong, without the file, the versions and the field.
        instead: what to do.
        field: the field's path, with dots into nested records.
        versions: the published versions that it contradicts.
        breaks: whose reading.
    """

    rule: str
    file: str
    problem: str
    instead: str
    field: str | None = None
    versions: tuple[int, ...] = ()
    breaks: tuple[Reader, ...] = ()

    def __str__(self) -> str:
        """All of it in a line."""
        where = self.file + (f", field {self.field}" if self.field else "")
        if self.versions:
            numbers = ", ".join(map(str, self.versions))
            where += f", against published version{'s' if len(self.versions) > 1 else ''} {numbers}"
        breaks = f" It breaks {' and '.join(self.breaks)}." if self.breaks else ""
        return f"{where}: {self.problem}.{breaks} Instead: {self.instead}."


def grouped(refusals: Iterable[Refusal]) -> list[Refusal]:
    """One refusal for all the versions that it contradicts."""
    found: dict[Refusal, tuple[int, ...]] = {}
    for refusal in refusals:
        bare = replace(refusal, versions=())
        found[bare] = (
            *found.get(bare, ()),
            *(number for number in refusal.versions if number not in found.get(bare, ())),
        )
    return [replace(refusal, versions=versions) for refusal, versions in found.items()]
