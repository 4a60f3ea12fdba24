"""The table as a replay reads it: in parts, page by page. Pure: what a part and a page are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ops.replay.selection import Accounts, Selection

Item = Mapping[str, Any]
"""A row in DynamoDB JSON."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One of a parallel Scan's. No account is in two, and an account's rows come together and in order: in practice.

    It is not documented, so `cursor` looks.
    """

    index: int
    total: int

    @property
    def name(self) -> str:
        return f"segment {self.index} of {self.total}"


@dataclass(frozen=True, slots=True)
class Account:
    """One account's rows in the order of their versions, from some version on if one is given; by Query."""

    account_id: str
    first_version: int | None = None

    @property
    def name(self) -> str:
        return f"account {self.account_id}"


Part = Segment | Account


@dataclass(frozen=True, slots=True)
class Page:
    """What one request read.

    Attributes:
        next_key: where the part goes on; None: it is at its end.
        read_units: as DynamoDB counts them.
    """

    items: Sequence[Item]
    next_key: Item | None
    read_units: float


class Source(Protocol):
    def read(self, part: Part, after: Item | None) -> Page:
        """The part's next page, strongly consistent. Called by several threads, never by two for one part.

        Raises:
            Interrupted: it cannot be read.
        """


def parts_of(selection: Selection, segments: int) -> list[Part]:
    if isinstance(selection, Accounts):
        return [Account(account_id) for account_id in dict.fromkeys(selection.account_ids)]
    return [Segment(index, segments) for index in range(segments)]
