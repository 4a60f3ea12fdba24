"""The sizes of the ledger's rows, which determine how many units a request takes.

AWS's rules ("DynamoDB item sizes and formats", docs.aws.amazon.com/amazondynamodb/latest/developerguide/
CapacityUnitCalculations.html): attribute names and strings count their UTF-8 bytes, a number counts one byte for every
two significant digits plus one, and null counts one byte.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from account_core.api.access import OPERATOR_SUBJECT, Caller
from account_core.api.requests import ACCOUNT_ID, NAME, OWNER
from account_core.domain.account import Account, event_of
from account_core.domain.commands import CreateAccount, TransferMoney
from account_core.domain.events import Credited, Transfer, Withdrawn
from account_core.domain.money import MONEY_MAX
from account_core.rows.items import EVENTS_PER_INTERVAL, Item, to_item, version_of
from account_core.service.head import Head, Origin, rows_for
from benchmarks.world import CREDIT, OPENED, account_id, origin

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
LONGEST_TRIED = 1_000
LARGEST_PAID = Decimal("555555555555555.55")
"""An amount that takes as many bytes as any, of which sixteen fit into the largest balance."""
LATE_INTERVAL = 10**8
"""The number of a snapshot interval whose versions have ten digits. No account reaches it within DynamoDB's 10 GB."""


@dataclass(frozen=True, slots=True)
class RowSizes:
    """Sizes in bytes. A read needs ten rows.

    Attributes:
        typical_transfer: of the paying account's event of a transfer, with a key.
        largest_fitting: how many of the largest rows fit one read unit.
    """

    typical: int
    typical_keyed: int
    typical_transfer: int
    largest: int
    largest_snapshot: int
    largest_fitting: int


def item_size(item: Item) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, object]) -> int:
    [(kind, content)] = value.items()
    if kind == "N":
        digits = Decimal(str(content)).normalize().as_tuple().digits
        return (len(digits) + 1) // 2 + 1
    return len(str(content).encode()) if kind == "S" else 1


def row_sizes() -> RowSizes:
    """The sizes of a typical credit and transfer, and of the largest rows that the API's limits allow."""
    account = Account(OPENED.owner, OPENED.currency, Decimal("1234.56"))
    credited, paid = Credited(CREDIT.amount), Withdrawn(CREDIT.amount, Transfer(account_id(), account_id()))
    rows = [
        rows_for(account_id(), _head(account, 1_000), event, origin(key))[0]
        for event, key in ((credited, None), (credited, account_id()), (paid, account_id()))
    ]
    typical, typical_keyed, typical_transfer = (item_size(to_item(row)) for row in rows)
    event, snapshot = _largest()
    return RowSizes(typical, typical_keyed, typical_transfer, event, snapshot, READ_UNIT_BYTES // event)


def largest_account_id() -> str:
    return _longest(ACCOUNT_ID)


def largest_transfer() -> TransferMoney:
    return TransferMoney(_longest(ACCOUNT_ID).replace("x", "y"), LARGEST_PAID, account_id())


def largest_created() -> CreateAccount:
    return CreateAccount(_longest(OWNER), OPENED.currency)


def largest_origin(number: int) -> Origin:
    """An origin whose ids are as long as allowed; each `number` gives a different key."""
    name, operator = _longest(NAME), Caller(_longest(OPERATOR_SUBJECT), is_operator=True, name="")
    return Origin(origin().occurred_at, name, name, operator.command_id(f"{number}".rjust(len(name), "k")))


def _largest() -> tuple[int, int]:
    """The sizes of the largest event and the largest snapshot."""
    created, ninth, at = largest_created(), LATE_INTERVAL * EVENTS_PER_INTERVAL, largest_origin(0)
    account = Account(created.owner, created.currency, MONEY_MAX)
    [first] = rows_for(largest_account_id(), Head(), event_of(created), at)
    last, snapshot = rows_for(largest_account_id(), _head(account, ninth - 1), event_of(largest_transfer()), at)
    return max(item_size(to_item(first)), item_size(to_item(last))), item_size(to_item(snapshot))


def _head(account: Account, sequence: int) -> Head:
    return Head(account, version_of(sequence), sequence, "")


def _longest(pattern: str) -> str:
    """The longest text of one repeated letter that the API's pattern allows."""
    return next("x" * n for n in range(LONGEST_TRIED, 0, -1) if re.fullmatch(pattern, "x" * n))
