"""Compares a restored copy of the table with the live table, and puts the copy's rows back."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_core.rows.items import Item, from_item, key_of, version_in
from account_core.rows.layout import parts_of_key
from ops.ledger.check import transfer_of
from ops.replay.pace import Pace
from ops.replay.source import Part, Source
from ops.restore.errors import RestoreRefused
from ops.restore.table import LedgerTable

UNITS_PER_ROW = 0.1
"""Read units of a strongly consistent Query per row, which is about 300 bytes long."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the copy that the live table does not have, or has with other values.

    Attributes:
        copied: the copy's row.
        live: the live table's row; None if it is missing.
        damage: why the copy's row cannot be used; empty if it is valid.
    """

    copied: Item
    live: Item | None
    damage: str = ""

    @property
    def key(self) -> str:
        return key_of(self.copied)

    @property
    def account_id(self) -> str:
        return str(parts_of_key(self.copied)[0])

    @property
    def is_another_event(self) -> bool:
        """Whether the live row is an event of its own: a command took the version after the copy's row was deleted."""
        origins = [_origin(item) for item in (self.copied, self.live) if item is not None]
        return len(origins) == 2 and None not in origins and origins[0] != origins[1]  # noqa: PLR2004 -- both rows


def differences(
    source: Source, parts: Iterable[Part], live: LedgerTable, pace: Pace, compared: Callable[[int], object]
) -> Iterator[Difference]:
    """Every row of the copy that differs from the live table. Rows that only the live table has are newer: no finding.

    The differences of an account come in the order of its rows.

    Args:
        source: the copy.
        parts: the parts of the copy to compare.
        live: the live table.
        pace: limits the reads of the live table. The copy is read at full speed, because nothing else uses it.
        compared: called with the number of rows of each page that has been compared.
    """
    for part in parts:
        after: Item | None = None
        while True:
            page = source.read(part, after)
            for account_id, items in groupby(page.items, key=lambda item: parts_of_key(item)[0]):
                yield from _compared(str(account_id), [dict(item) for item in items], live, pace)
            compared(len(page.items))
            if page.next_key is None:
                break
            after = dict(page.next_key)


class RowsPutBack:
    """Stores the copy's rows in the live table.

    Args:
        live: the live table.
        replace: whether rows that differ are replaced. A row that is an event of its own never is.
    """

    def __init__(self, live: LedgerTable, *, replace: bool) -> None:
        self._live, self._replace = live, replace
        self._blocked: set[str] = set()

    def put(self, difference: Difference) -> str:
        """Stores the copy's row. Returns why it was not stored; empty if it was.

        After a row that still differs, no later row of the account is stored: it may not follow from that row.
        """
        reason = self._refusal(difference) or self._put(difference)
        if reason and difference.live is not None:
            self._blocked.add(difference.account_id)
        return reason

    def _refusal(self, difference: Difference) -> str:
        if difference.damage:
            return f"the copy's row cannot be used: {difference.damage}"
        if difference.is_another_event:
            return "a command took the version for another event, which stays"
        if difference.account_id in self._blocked:
            return "an earlier row of the account still differs"
        return "" if self._replace or difference.live is None else "it is replaced only with --replace"

    def _put(self, difference: Difference) -> str:
        try:
            if difference.live is None:
                self._live.put_item(difference.copied)
            else:
                self._live.replace_item(difference.live, difference.copied)
        except RestoreRefused as error:
            return str(error)
        return ""


def _compared(account_id: str, copied: list[Item], live: LedgerTable, pace: Pace) -> Iterator[Difference]:
    rows = sorted(((version_in(str(parts_of_key(item)[1])) or 0, item) for item in copied), key=itemgetter(0))
    pace.sleep(pace.reserve(max(1.0, len(rows) * UNITS_PER_ROW)))
    found = {key_of(item): item for item in live.items(account_id, rows[0][0], rows[-1][0])}
    for _, item in rows:  # in order, so that the table's stream has the events in order
        if (there := found.get(key_of(item))) != item:
            yield Difference(item, there, _damage(item))


def _origin(item: Item) -> tuple[str | None, ...] | None:
    """What no two events have in common; None for rows that are no valid events."""
    try:
        row = from_item(item)
    except Corrupt:
        return None
    if not isinstance(row, EventRow):
        return None
    transfer = transfer_of(row)
    return row.occurred_at, row.request_id, transfer.transfer_id if transfer else None


def _damage(item: Item) -> str:
    try:
        row = from_item(item)
    except Corrupt as error:
        return str(error)
    return getattr(row, "reason", "")
