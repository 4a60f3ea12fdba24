"""What can be wrong with a ledger and its lake: one list, with which every engine of `reconcile` is tested."""

from collections.abc import Sequence
from typing import Any

from account_core.domain.events import Row
from account_core.rows.items import to_item
from tests.support.damage import Corruption, Items, Sides, both, copied, in_lake, in_ledger, without
from tests.support.lake import LakeRow
from tests.support.ledger_and_lake import history, lake_rows
from tests.support.transfer_corruptions import TRANSFER_CORRUPTIONS, TRANSFERS

A = history("a-1", *["10.00"] * 12, "-0.01")
B = history("a-2", "5.50", "4.50", "-2.00", currency="USD", owner="Zoë \u202e'; --")
C = history("a-3", "1.00", "9999999999999990.00", "-0.01", "0.01", owner='"quoted" \\ name')
ROWS: Sequence[Row] = (*A, *B, *C)
ALL_ROWS: Sequence[Row] = (*ROWS, *TRANSFERS)


def sides() -> Sides:
    """A ledger and a lake that agree, as the table's items and the lake's rows."""
    return [dict(to_item(row)) for row in ALL_ROWS], lake_rows(ALL_ROWS)


_LATER = "2026-08-20 00:00:00.000000"
_OTHER_EVENT = {"sequence": 99, "event_id": "a-1:99"}

CORRUPTIONS = (
    Corruption("nothing", both(), ()),
    Corruption("missing", without("lake", "a-1", 2, 13), (("missing", "a-1", 2, ()), ("missing", "a-1", 13, ()))),
    Corruption("extra", copied("a-1", 3, **_OTHER_EVENT), (("extra", "a-1", 99, ()),)),
    Corruption("account only in the lake", copied("a-2", 1, account_id="a-9"), (("extra", "a-9", 1, ()),)),
    Corruption("amount", in_lake("a-1", 3, amount="10.01"), (("differing", "a-1", 3, ("amount",)),)),
    Corruption("no amount", in_lake("a-1", 3, amount=None), (("differing", "a-1", 3, ("amount",)),)),
    Corruption(
        "time",
        in_lake("a-1", 3, occurred_at="2026-08-01 11:31:00.000000"),
        (("differing", "a-1", 3, ("occurred_at",)),),
    ),
    Corruption(
        "microsecond",
        in_lake("a-3", 5, occurred_at="2026-08-01 13:30:00.000001"),
        (("differing", "a-3", 5, ("occurred_at",)),),
    ),
    Corruption(
        "microseconds as a number",
        in_lake("a-1", 3, occurred_at_us=1_785_583_800_000_001),
        (("differing", "a-1", 3, ("occurred_at_us",)),),
    ),
    Corruption("no microseconds as a number, as in older files", in_lake("a-1", 3, occurred_at_us=None), ()),
    Corruption(
        "duplicate that contradicts in the microseconds as a number",
        copied("a-1", 3, published_at=_LATER, occurred_at_us=0),
        (("contradicting", "a-1", 3, ("occurred_at_us",)),),
    ),
    Corruption("owner", in_lake("a-2", 1, owner="Zoe"), (("differing", "a-2", 1, ("owner",)),)),
    Corruption("currency", in_lake("a-2", 2, currency="EUR"), (("differing", "a-2", 2, ("currency",)),)),
    Corruption("balance in the lake", in_lake("a-3", 4, balance="0.01"), (("differing", "a-3", 4, ("balance",)),)),
    Corruption("duplicate", copied("a-1", 3, published_at=_LATER), ()),
    Corruption(
        "contradicting duplicate",
        copied("a-1", 3, published_at=_LATER, amount="999.00"),
        (("contradicting", "a-1", 3, ("amount",)),),
    ),
    Corruption(
        "wrong copy shown",
        copied("a-1", 3, published_at="2026-08-01 00:00:00.000000", amount="999.00"),
        (("differing", "a-1", 3, ("amount",)),),
    ),
    Corruption("copy on another day", copied("a-1", 3, dt="2026-08-09"), (("extra", "a-1", 3, ("dt",)),)),
    Corruption("other day", in_lake("a-1", 3, dt="2026-07-31"), (("differing", "a-1", 3, ("dt",)),)),
    Corruption("gap", without("both", "a-1", 5, 6), (("gap", "a-1", 7, ()),)),
    Corruption("first event lost", without("both", "a-2", 1), (("gap", "a-2", 2, ()),)),
    Corruption(
        "gap in the ledger alone", without("ledger", "a-1", 5), (("extra", "a-1", 5, ()), ("gap", "a-1", 6, ()))
    ),
    Corruption(
        "wrong balance",
        both(in_ledger("a-1", 5, Balance={"N": "40.01"}), in_lake("a-1", 5, balance="40.01")),
        (("unbalanced", "a-1", 5, ()),),
    ),
    Corruption(
        "wrong balance in the ledger alone",
        in_ledger("a-1", 5, Balance={"N": "40.01"}),
        (("unbalanced", "a-1", 5, ()), ("differing", "a-1", 5, ("balance",))),
    ),
    Corruption(
        "wrong amount in the ledger alone",
        in_ledger("a-3", 3, Amount={"N": "9999999999999990.01"}),
        (("unbalanced", "a-3", 3, ()), ("differing", "a-3", 3, ("amount",))),
    ),
    Corruption(
        "first balance wrong",
        both(in_ledger("a-2", 1, Balance={"N": "1"}), in_lake("a-2", 1, balance="1.00")),
        (("unbalanced", "a-2", 1, ()),),
    ),
    Corruption("unreadable amount", in_ledger("a-1", 4, Amount={"N": "0.001"}), (("unreadable", "a-1", 4, ()),)),
    Corruption(
        "unreadable key",
        in_ledger("a-1", 14, Version={"N": "-7"}),
        (
            ("extra", "a-1", 14, ()),
            ("unreadable", "a-1", None, ()),
        ),
    ),
    Corruption(
        "row of the first format", in_ledger("a-1", 4, Format={"N": "1"}), (("differing", "a-1", 4, ("request_id",)),)
    ),
    Corruption(
        "no account in the lake",
        copied("a-1", 1, account_id=None, sequence=None, event_id=None),
        (("extra", "", 0, ()),),
    ),
    *TRANSFER_CORRUPTIONS,
)


def all_together() -> tuple[Items, list[LakeRow], list[tuple[str, str, int | None, tuple[str, ...]]]]:
    """A ledger and a lake with all corruptions at once, each in accounts of its own, and all expected findings."""
    items: Items = []
    rows: list[LakeRow] = []
    expected = []
    for number, corruption in enumerate(CORRUPTIONS):
        prefix = f"{number:02d}-"
        its_items, its_rows = corruption.make(*sides())
        items += [_prefixed_item(item, prefix) for item in its_items]
        rows += [_prefixed(row, prefix) for row in its_rows]
        expected += [
            (kind, account_id and prefix + account_id, *rest) for kind, account_id, *rest in corruption.expected
        ]
    return items, rows, expected  # type: ignore[return-value]


def _prefixed_item(item: dict[str, Any], prefix: str) -> dict[str, Any]:
    names = ("AccountId", "TransferId", "CounterpartyId")
    return item | {name: {"S": prefix + item[name]["S"]} for name in names if name in item}


def _prefixed(row: LakeRow, prefix: str) -> LakeRow:
    names = ("account_id", "event_id", "transfer_id", "counterparty_account_id")
    return row | {name: prefix + row[name] for name in names if row[name] is not None}
