"""Compares a restored copy of the table with the live table, and puts the copy's rows back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from account_core.domain.errors import Corrupt
from account_core.rows.items import Item, from_item, key_of, version_in
from account_core.rows.layout import parts_of_key
from ops.replay.pace import Pace
from ops.replay.source import Part, Source
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


def differences(source: Source, parts: Iterable[Part], live: LedgerTable, pace: Pace) -> Iterator[Difference]:
    """Every row of the copy that differs from the live table. Rows that only the live table has are newer: no finding.

    Args:
        source: the copy.
        parts: the parts of the copy to compare.
        live: the live table.
        pace: limits the reads of the live table. The copy is read at full speed, because nothing else uses it.
    """
    for part in parts:
        after: Item | None = None
        while True:
            page = source.read(part, after)
            for account_id, items in groupby(page.items, key=lambda item: parts_of_key(item)[0]):
                yield from _compared(str(account_id), [dict(item) for item in items], live, pace)
            if page.next_key is None:
                break
            after = dict(page.next_key)


def put_back(difference: Difference, live: LedgerTable) -> None:
    """Stores the copy's row in the live table.

    Raises:
        RestoreRefused: the live row has changed since it was compared.
    """
    if difference.live is None:
        live.put_item(difference.copied)
    else:
        live.replace_item(difference.live, difference.copied)


def _compared(account_id: str, copied: list[Item], live: LedgerTable, pace: Pace) -> Iterator[Difference]:
    rows = sorted(((version_in(str(parts_of_key(item)[1])) or 0, item) for item in copied), key=itemgetter(0))
    pace.sleep(pace.reserve(max(1.0, len(rows) * UNITS_PER_ROW)))
    found = {key_of(item): item for item in live.items(account_id, rows[0][0], rows[-1][0])}
    for _, item in rows:  # in order, so that the table's stream has the events in order
        if (there := found.get(key_of(item))) != item:
            yield Difference(item, there, _damage(item))


def _damage(item: Item) -> str:
    try:
        row = from_item(item)
    except Corrupt as error:
        return str(error)
    return getattr(row, "reason", "")
