"""What can be wrong with a ledger and its lake: one list, with which every engine of `reconcile` is tested."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from account_core.domain.events import Row
from account_core.rows.items import to_item
from tests.support.lake import LakeRow
from tests.support.ledger_and_lake import history, lake_rows

Items = list[dict[str, Any]]
Sides = tuple[Items, list[LakeRow]]

A = history("a-1", *["10.00"] * 12, "-0.01")
B = history("a-2", "5.50", "4.50", "-2.00", currency="USD", owner="Zoë \u202e'; --")
C = history("a-3", "1.00", "9999999999999990.00", "-0.01", "0.01", owner='"quoted" \\ name')
ROWS: Sequence[Row] = (*A, *B, *C)


@dataclass(frozen=True, slots=True)
class Corruption:
    """Attributes: `expected` are the findings: kind, account, sequence, and the fields that differ."""

    name: str
    make: Callable[[Items, list[LakeRow]], Sides]
    expected: tuple[tuple[str, str, int | None, tuple[str, ...]], ...]


def sides() -> Sides:
    """A ledger and a lake that agree, as the table's items and the lake's rows."""
    return [dict(to_item(row)) for row in ROWS], lake_rows(ROWS)


def _is(item: dict[str, Any], account_id: str, sequence: int) -> bool:
    is_event = item["Type"]["S"] != "SNAPSHOT"
    return is_event and (item["AccountId"]["S"], item["Sequence"]["N"]) == (account_id, str(sequence))


def _in_lake(account_id: str, sequence: int, **values: Any) -> Callable[[Items, list[LakeRow]], Sides]:  # noqa: ANN401
    """Change an event in the lake."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        key = (account_id, sequence)
        return items, [row | values if (row["account_id"], row["sequence"]) == key else row for row in rows]

    return make


def _in_ledger(account_id: str, sequence: int, **values: Any) -> Callable[[Items, list[LakeRow]], Sides]:  # noqa: ANN401
    """Change an event in the ledger."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        return [item | values if _is(item, account_id, sequence) else item for item in items], rows

    return make


def _without(side: str, account_id: str, *sequences: int) -> Callable[[Items, list[LakeRow]], Sides]:
    """Delete events from the ledger, from the lake or from both."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        keys = {(account_id, each) for each in sequences}
        kept = [item for item in items if not any(_is(item, *key) for key in keys)]
        left = [row for row in rows if (row["account_id"], row["sequence"]) not in keys]
        return (items if side == "lake" else kept), (rows if side == "ledger" else left)

    return make


def _copied(account_id: str, sequence: int, /, **values: Any) -> Callable[[Items, list[LakeRow]], Sides]:  # noqa: ANN401
    """Add a copy of an event to the lake."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        [row] = [row for row in rows if (row["account_id"], row["sequence"]) == (account_id, sequence)]
        return items, [*rows, row | values]

    return make


def _both(*makes: Callable[[Items, list[LakeRow]], Sides]) -> Callable[[Items, list[LakeRow]], Sides]:
    def make(items: Items, rows: list[LakeRow]) -> Sides:
        for each in makes:
            items, rows = each(items, rows)
        return items, rows

    return make


_LATER = "2026-08-20 00:00:00.000000"
_OTHER_EVENT = {"sequence": 99, "event_id": "a-1:99"}

CORRUPTIONS = (
    Corruption("nothing", _both(), ()),
    Corruption("missing", _without("lake", "a-1", 2, 13), (("missing", "a-1", 2, ()), ("missing", "a-1", 13, ()))),
    Corruption("extra", _copied("a-1", 3, **_OTHER_EVENT), (("extra", "a-1", 99, ()),)),
    Corruption("account only in the lake", _copied("a-2", 1, account_id="a-9"), (("extra", "a-9", 1, ()),)),
    Corruption("amount", _in_lake("a-1", 3, amount="10.01"), (("differing", "a-1", 3, ("amount",)),)),
    Corruption("no amount", _in_lake("a-1", 3, amount=None), (("differing", "a-1", 3, ("amount",)),)),
    Corruption(
        "time",
        _in_lake("a-1", 3, occurred_at="2026-08-01 11:31:00.000000"),
        (("differing", "a-1", 3, ("occurred_at",)),),
    ),
    Corruption(
        "microsecond",
        _in_lake("a-3", 5, occurred_at="2026-08-01 13:30:00.000001"),
        (("differing", "a-3", 5, ("occurred_at",)),),
    ),
    Corruption(
        "microseconds as a number",
        _in_lake("a-1", 3, occurred_at_us=1_785_583_800_000_001),
        (("differing", "a-1", 3, ("occurred_at_us",)),),
    ),
    Corruption("no microseconds as a number, as in older files", _in_lake("a-1", 3, occurred_at_us=None), ()),
    Corruption(
        "duplicate that contradicts in the microseconds as a number",
        _copied("a-1", 3, published_at=_LATER, occurred_at_us=0),
        (("contradicting", "a-1", 3, ("occurred_at_us",)),),
    ),
    Corruption("owner", _in_lake("a-2", 1, owner="Zoe"), (("differing", "a-2", 1, ("owner",)),)),
    Corruption("currency", _in_lake("a-2", 2, currency="EUR"), (("differing", "a-2", 2, ("currency",)),)),
    Corruption("balance in the lake", _in_lake("a-3", 4, balance="0.01"), (("differing", "a-3", 4, ("balance",)),)),
    Corruption("duplicate", _copied("a-1", 3, published_at=_LATER), ()),
    Corruption(
        "contradicting duplicate",
        _copied("a-1", 3, published_at=_LATER, amount="999.00"),
        (("contradicting", "a-1", 3, ("amount",)),),
    ),
    Corruption(
        "wrong copy shown",
        _copied("a-1", 3, published_at="2026-08-01 00:00:00.000000", amount="999.00"),
        (("differing", "a-1", 3, ("amount",)),),
    ),
    Corruption("copy on another day", _copied("a-1", 3, dt="2026-08-09"), (("extra", "a-1", 3, ("dt",)),)),
    Corruption("other day", _in_lake("a-1", 3, dt="2026-07-31"), (("differing", "a-1", 3, ("dt",)),)),
    Corruption("gap", _without("both", "a-1", 5, 6), (("gap", "a-1", 7, ()),)),
    Corruption("first event lost", _without("both", "a-2", 1), (("gap", "a-2", 2, ()),)),
    Corruption(
        "gap in the ledger alone", _without("ledger", "a-1", 5), (("extra", "a-1", 5, ()), ("gap", "a-1", 6, ()))
    ),
    Corruption(
        "wrong balance",
        _both(_in_ledger("a-1", 5, Balance={"N": "40.01"}), _in_lake("a-1", 5, balance="40.01")),
        (("unbalanced", "a-1", 5, ()),),
    ),
    Corruption(
        "wrong balance in the ledger alone",
        _in_ledger("a-1", 5, Balance={"N": "40.01"}),
        (("unbalanced", "a-1", 5, ()), ("differing", "a-1", 5, ("balance",))),
    ),
    Corruption(
        "wrong amount in the ledger alone",
        _in_ledger("a-3", 3, Amount={"N": "9999999999999990.01"}),
        (("unbalanced", "a-3", 3, ()), ("differing", "a-3", 3, ("amount",))),
    ),
    Corruption(
        "first balance wrong",
        _both(_in_ledger("a-2", 1, Balance={"N": "1"}), _in_lake("a-2", 1, balance="1.00")),
        (("unbalanced", "a-2", 1, ()),),
    ),
    Corruption("unreadable amount", _in_ledger("a-1", 4, Amount={"N": "0.001"}), (("unreadable", "a-1", 4, ()),)),
    Corruption(
        "unreadable key",
        _in_ledger("a-1", 14, Version={"N": "-7"}),
        (
            ("extra", "a-1", 14, ()),
            ("unreadable", "a-1", None, ()),
        ),
    ),
    Corruption(
        "row of the first format", _in_ledger("a-1", 4, Format={"N": "1"}), (("differing", "a-1", 4, ("request_id",)),)
    ),
    Corruption(
        "no account in the lake",
        _copied("a-1", 1, account_id=None, sequence=None, event_id=None),
        (("extra", "", 0, ()),),
    ),
)


def all_together() -> tuple[Items, list[LakeRow], list[tuple[str, str, int | None, tuple[str, ...]]]]:
    """A ledger and a lake with all corruptions at once, each in accounts of its own, and all expected findings."""
    items: Items = []
    rows: list[LakeRow] = []
    expected = []
    for number, corruption in enumerate(CORRUPTIONS):
        prefix = f"{number:02d}-"
        its_items, its_rows = corruption.make(*sides())
        items += [item | {"AccountId": {"S": prefix + item["AccountId"]["S"]}} for item in its_items]
        rows += [_prefixed(row, prefix) for row in its_rows]
        expected += [
            (kind, account_id and prefix + account_id, *rest) for kind, account_id, *rest in corruption.expected
        ]
    return items, rows, expected  # type: ignore[return-value]


def _prefixed(row: LakeRow, prefix: str) -> LakeRow:
    names = ("account_id", "event_id")
    return row | {name: prefix + row[name] for name in names if row[name] is not None}
