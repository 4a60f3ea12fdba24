"""What can be wrong with the transfers of a ledger and its lake; see `corruptions`."""

from collections.abc import Sequence
from datetime import timedelta

from account_core.domain.events import Row
from tests.support.damage import Corruption, Items, Make, Sides, added, both, in_lake, in_ledger, is_event, without
from tests.support.lake import LakeRow
from tests.support.ledger_and_lake import START, history
from tests.support.rows import head_of, transfer_rows


def _transfers() -> list[Row]:
    """t-1 is p-1:3 and p-2:2, t-2 is p-2:3 and p-3:2, and t-3, just before midnight, is p-1:4 and p-2:4."""
    accounts = {"p-1": history("p-1", "100.00"), "p-2": history("p-2"), "p-3": history("p-3")}
    heads = {account_id: head_of(rows) for account_id, rows in accounts.items()}
    rows = [row for each in accounts.values() for row in each]
    rows += transfer_rows(heads, "p-1", "p-2", "30.00", transfer_id="t-1", at=START)
    rows += transfer_rows(heads, "p-2", "p-3", "5.00", transfer_id="t-2", at=START + timedelta(hours=5))
    last = START.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return rows + transfer_rows(heads, "p-1", "p-2", "0.01", transfer_id="t-3", at=last)


TRANSFERS: Sequence[Row] = _transfers()


def _without_transfer(account_id: str, sequence: int) -> Make:
    """Turn the event of a transfer into one of no transfer, in ledger and lake."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        for item in items:
            if is_event(item, account_id, sequence):
                del item["TransferId"], item["CounterpartyId"]
                item["Format"] = {"N": "2"}
        return in_lake(account_id, sequence, transfer_id=None, counterparty_account_id=None)(items, rows)

    return make


def _unpaired(account_id: str, sequence: int) -> tuple[str, str, int, tuple[str, ...]]:
    return "unpaired", account_id, sequence, ()


TRANSFER_CORRUPTIONS = (
    Corruption("transfer without its credit", without("both", "p-3", 2), (_unpaired("p-2", 3),)),
    Corruption("transfer without its withdrawal", without("both", "p-1", 4), (_unpaired("p-2", 4),)),
    Corruption(
        "transfer without its credit, which other events follow",
        without("both", "p-2", 2),
        (_unpaired("p-1", 3), ("gap", "p-2", 3, ())),
    ),
    Corruption(
        "transfer without its credit in the ledger alone",
        without("ledger", "p-3", 2),
        (_unpaired("p-2", 3), ("extra", "p-3", 2, ())),
    ),
    Corruption(
        "transfer without its credit in the lake alone", without("lake", "p-3", 2), (("missing", "p-3", 2, ()),)
    ),
    Corruption(
        "transfer in the lake alone",
        both(without("ledger", "p-1", 4), without("ledger", "p-2", 4)),
        (("extra", "p-1", 4, ()), ("extra", "p-2", 4, ())),
    ),
    Corruption("transfer with two credits", added("p-3", 3, "10.00"), (_unpaired("p-2", 3),)),
    Corruption("transfer with two withdrawals", added("p-1", 5, "69.98"), (_unpaired("p-1", 4),)),
    Corruption(
        "transfer carried out twice", both(added("p-1", 5, "69.98"), added("p-2", 5, "25.02")), (_unpaired("p-1", 4),)
    ),
    Corruption(
        "transfer whose id a third event has",
        both(
            added("p-3", 3, "10.00"),
            in_ledger("p-3", 3, TransferId={"S": "t-3"}, CounterpartyId={"S": "p-1"}),
            in_lake("p-3", 3, transfer_id="t-3", counterparty_account_id="p-1"),
        ),
        (_unpaired("p-1", 4),),
    ),
    Corruption("transfer whose credit does not name it", _without_transfer("p-3", 2), (_unpaired("p-2", 3),)),
    Corruption(
        "transfer with another id in its credit",
        both(in_ledger("p-3", 2, TransferId={"S": "t-9"}), in_lake("p-3", 2, transfer_id="t-9")),
        (_unpaired("p-2", 3), _unpaired("p-3", 2)),
    ),
    Corruption(
        "transfer whose credit is a withdrawal",
        both(in_ledger("p-3", 2, Type={"S": "WITHDRAW"}), without("lake", "p-3", 2)),
        (_unpaired("p-2", 3), ("unbalanced", "p-3", 2, ()), ("missing", "p-3", 2, ())),
    ),
    Corruption(
        "transfer of two amounts",
        both(
            in_ledger("p-3", 2, Amount={"N": "6"}, Balance={"N": "6"}),
            in_lake("p-3", 2, amount="6.00", balance="6.00"),
        ),
        (_unpaired("p-2", 3),),
    ),
    Corruption(
        "transfer of two currencies",
        both(in_ledger("p-3", 2, Currency={"S": "USD"}), in_lake("p-3", 2, currency="USD")),
        (_unpaired("p-2", 3),),
    ),
    Corruption(
        "transfer whose credit names another account",
        both(in_ledger("p-3", 2, CounterpartyId={"S": "p-1"}), in_lake("p-3", 2, counterparty_account_id="p-1")),
        (_unpaired("p-2", 3),),
    ),
    Corruption(
        "transfer whose withdrawal names another account",
        both(in_ledger("p-1", 4, CounterpartyId={"S": "p-3"}), in_lake("p-1", 4, counterparty_account_id="p-3")),
        (_unpaired("p-1", 4),),
    ),
    Corruption(
        "transfer on two days",
        both(
            in_ledger("p-2", 4, Timestamp={"S": "2026-08-02T00:00:00.000000Z"}),
            in_lake(
                "p-2",
                4,
                occurred_at="2026-08-02 00:00:00.000000",
                occurred_at_us=1_785_628_800_000_000,
                dt="2026-08-02",
            ),
        ),
        (_unpaired("p-1", 4),),
    ),
    Corruption(
        "transfer whose credit is unreadable",
        in_ledger("p-3", 2, Amount={"N": "0.001"}),
        (_unpaired("p-2", 3), ("unreadable", "p-3", 2, ())),
    ),
    Corruption(
        "transfer that the lake does not mark",
        in_lake("p-3", 2, transfer_id=None, counterparty_account_id=None),
        (("differing", "p-3", 2, ("transfer_id", "counterparty_account_id")),),
    ),
)
