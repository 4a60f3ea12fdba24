"""The table as a replay reads it: in parts, and each part page by page. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ops.replay.selection import Accounts, Selection

Item = Mapping[str, Any]
"""A row in DynamoDB JSON."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a parallel Scan.

    In practice an account lies in one segment, and its rows arrive together and in order. AWS does not document this,
    so `cursor` checks it.
    """

    index: int
    total: int

    @property
    def name(self) -> str:
        return f"segment {self.index} of {self.total}"


@dataclass(frozen=True, slots=True)
class Account:
    """One account's rows in version order, from `first_version` on if it is given. They are read by a Query."""

    account_id: str
    first_version: int | None = None

    @property
    def name(self) -> str:
        return f"account {self.account_id}"


Part = Segment | Account


@dataclass(frozen=True, slots=True)
class Page:
    """The result of one request.

    Attributes:
        next_key: the key after which the part continues; None at its end.
        read_units: the read units, as DynamoDB counts them.
    """

    items: Sequence[Item]
    next_key: Item | None
    read_units: float


class Source(Protocol):
    def read(self, part: Part, after: Item | None) -> Page:
        """The part's next page, strongly consistent.

        It is called by several threads, but never by two for the same part.

        Raises:
            Interrupted: the page cannot be read.
        """


def parts_of(selection: Selection, segments: int) -> list[Part]:
    if isinstance(selection, Accounts):
        return [Account(account_id) for account_id in dict.fromkeys(selection.account_ids)]
    return [Segment(index, segments) for index in range(segments)]
