"""What can be wrong with a compacted month whose files fit the manifest: one list, for every engine of `reconcile`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from consumers.lake import table
from tests.support.compacted_lake import CompactedLake, MonthRows, at
from tests.support.corruptions import ALL_ROWS
from tests.support.ledger_and_lake import lake_rows

MONTH = "2026-08"
COMPACTED_AT = at("2026-10-20")
Change = Callable[[MonthRows], MonthRows]


@dataclass(frozen=True, slots=True)
class WrongMonth:
    """Attributes: `change` changes the rows of account a-1; `notes` are the findings' sequences and notes."""

    name: str
    change: Change
    notes: Sequence[tuple[int, str]]


def _of(sequence: int, **values: Any) -> Change:  # noqa: ANN401
    return lambda rows: [row | values if _is(row, sequence) else row for row in rows]


def _is(row: dict[str, Any], sequence: int) -> bool:
    return (row["account_id"], row["sequence"]) == ("a-1", sequence)


_TIMES = "occurred_at '2026-10-20 00:00:00', not '2026-08-01 12:30:00', published_at null, not '2026-08-01 12:30:01'"
_WHERE = f"account_months of {MONTH}"
WRONG_MONTHS = (
    WrongMonth("nothing", lambda rows: rows, ()),
    WrongMonth("another order", lambda rows: rows[::-1], ()),
    WrongMonth("amount", _of(3, amount=Decimal("10.01")), ((3, f"{_WHERE} has amount '10.01', not '10.00'"),)),
    WrongMonth(
        "a value and a null that are exchanged",
        _of(3, causation_id=None, owner="k-3"),
        ((3, f"{_WHERE} has causation_id null, not 'k-3', owner 'k-3', not null"),),
    ),
    WrongMonth(
        "times and fingerprint",
        _of(4, occurred_at=COMPACTED_AT, published_at=None, schema_fingerprint=""),
        ((4, f"{_WHERE} has {_TIMES}, schema_fingerprint '', not '34c8165f77476d94'"),),
    ),
    WrongMonth("a row less", lambda rows: [row for row in rows if not _is(row, 2)], ((2, f"{_WHERE} lacks it"),)),
    WrongMonth(
        "a row twice",
        lambda rows: [*rows, *(row for row in rows if _is(row, 2))],
        ((2, f"{_WHERE} has it more than once"),),
    ),
    WrongMonth(
        "a row too many",
        lambda rows: [*rows, *(row | {"sequence": 99} for row in rows if _is(row, 2))],
        ((99, f"{_WHERE} has it, but the view `events` does not"),),
    ),
    WrongMonth(
        "a row of another compaction, which the view does not select",
        _of(2, compaction="other"),
        ((2, f"{_WHERE} lacks it"),),
    ),
    WrongMonth(
        "two balances that are exchanged",
        lambda rows: _of(2, balance=Decimal("20.00"))(_of(3, balance=Decimal("10.00"))(rows)),
        (
            (2, f"{_WHERE} has balance '20.00', not '10.00'"),
            (3, f"{_WHERE} has balance '10.00', not '20.00'"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Copies:
    """Attributes: `copies` change the event's copies in the lake, `months` its month rows; `note` is the finding's."""

    name: str
    copies: Sequence[dict[str, Any]]
    months: Sequence[dict[str, Any]]
    note: str = ""


_UNTIMED, _OF_OLDER_RELEASE = {"published_at": None}, {"occurred_at_us": None}
_LATER = {"amount": "10.01", "published_at": "2026-08-02 00:00:00"}
_AS_LATER = {"amount": Decimal("10.01"), "published_at": at("2026-08-02").replace(tzinfo=None)}
COPIES = (
    Copies("tied, the first", ({}, _OF_OLDER_RELEASE), ({},)),
    Copies("tied, the other", ({}, _OF_OLDER_RELEASE), (_OF_OLDER_RELEASE,)),
    Copies("without time, the first", (_UNTIMED, _UNTIMED | _OF_OLDER_RELEASE), (_UNTIMED,)),
    Copies("without time, the other", (_UNTIMED, _UNTIMED | _OF_OLDER_RELEASE), (_UNTIMED | _OF_OLDER_RELEASE,)),
    Copies("contradicting, the first", ({}, {"amount": "10.01"}), ({},)),
    Copies("contradicting, the other", ({}, {"amount": "10.01"}), ({"amount": Decimal("10.01")},)),
    Copies("the first in order", ({}, _LATER), ({},)),
    Copies(
        "not the first in order",
        ({}, _LATER),
        (_AS_LATER,),
        f"{_WHERE} has amount '10.01', not '10.00', published_at '2026-08-02 00:00:00', not '2026-08-01 17:30:01'",
    ),
    Copies(
        "none of the copies",
        ({}, {"amount": "10.01", "owner": "y"}),
        ({"amount": Decimal("10.01"), "owner": "x"},),
        f"{_WHERE} has owner 'x', not 'y'",
    ),
    Copies("two of the copies", ({}, _OF_OLDER_RELEASE), ({}, _OF_OLDER_RELEASE), f"{_WHERE} has it more than once"),
    Copies("no row", ({}, _OF_OLDER_RELEASE), (), f"{_WHERE} lacks it"),
)
"""What copies of an event allow in a compacted month. They are about the events 2 and following of account a-1."""


def with_copies(root: Path) -> CompactedLake:
    """The lake of `corruptions.sides` with `COPIES`, compacted and then changed."""
    right = {(row["account_id"], row["sequence"]): row for row in lake_rows(ALL_ROWS)}
    of = {("a-1", sequence): each for sequence, each in enumerate(COPIES, 2)}
    added = [(right[key] | copy, number) for key, each in of.items() for number, copy in enumerate(each.copies)]
    lake = CompactedLake(root, [row for key, row in right.items() if key not in of], COMPACTED_AT)
    for number in (0, 1):
        lake.add([row for row, copy in added if copy == number])
    lake.compact()

    def changed(rows: MonthRows) -> MonthRows:
        found = {(row["account_id"], row["sequence"]): row for row in rows}
        others = [row for key, row in found.items() if key not in of]
        return others + [found[key] | _typed(right[key]) | row for key, each in of.items() for row in each.months]

    lake.change_month(MONTH, table.bucket_of("a-1"), changed)
    return lake


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """The values of a lake's row in which copies differ, as a compacted file has them."""
    times = {"published_at": datetime.fromisoformat(row["published_at"]), "occurred_at_us": row["occurred_at_us"]}
    return {"amount": Decimal(row["amount"]), "owner": row["owner"], **times}


def compacted(root: Path, wrong: WrongMonth = WRONG_MONTHS[0]) -> CompactedLake:
    """The lake of `corruptions.sides`, compacted and then changed."""
    lake = CompactedLake(root, lake_rows(ALL_ROWS), COMPACTED_AT)
    lake.compact()
    lake.change_month(MONTH, table.bucket_of("a-1"), wrong.change)
    return lake


def in_another_bucket(lake: CompactedLake) -> str:
    """Move the file of account a-1 to another bucket; returns that bucket."""
    right = table.bucket_of("a-1")
    other = next(each for each in table.BUCKETS if not (lake.root / table.month_prefix(MONTH, each)).exists())
    [file] = (lake.root / table.month_prefix(MONTH, right)).glob("*.parquet")
    moved = lake.root / table.month_prefix(MONTH, other) / file.name
    moved.parent.mkdir(parents=True)
    file.rename(moved)
    lake.change_month(MONTH, other, lambda rows: rows)
    return other
