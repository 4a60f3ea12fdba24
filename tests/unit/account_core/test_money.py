"""Money is exact: nothing is rounded, whatever the caller's decimal context."""

from decimal import ROUND_UP, Decimal, localcontext

import pytest

from account_core.domain.account import Account, decide, evolve
from account_core.domain.commands import Credit, Withdraw
from account_core.domain.errors import BalanceLimitExceeded, Corrupt
from account_core.domain.events import Credited, EventRow, Withdrawn
from account_core.domain.money import MONEY_MAX
from account_core.rows.items import from_item, to_item
from account_core.service.owned_accounts import from_row
from account_events.avro.codec import decode, encode
from tests.unit.avro.test_codec import WITHDRAWN

LARGE = Decimal("1234567890123456.78")
OWNED = {
    "AccountId": {"S": "a"},
    "Currency": {"S": "EUR"},
    "Balance": {"N": "10"},
    "Sequence": {"N": "2"},
    "OpenedAt": {"S": "2026-01-31T09:30:00.000001Z"},
    "UpdatedAt": {"S": "2026-01-31T09:30:00.000001Z"},
}


def test_a_balance_is_exact_in_any_context() -> None:
    account = Account("owner-1", "EUR", LARGE)
    with localcontext(prec=3, rounding=ROUND_UP):
        assert evolve(account, Credited(Decimal("0.01"))).balance == Decimal("1234567890123456.79")
        assert evolve(account, Withdrawn(Decimal("0.01"))).balance == Decimal("1234567890123456.77")
        assert decide(account, Withdraw(LARGE)) == [Withdrawn(LARGE)]
        assert decide(account, Credit(Decimal("0.01"))) == [Credited(Decimal("0.01"))]
        with pytest.raises(BalanceLimitExceeded):
            decide(Account("owner-1", "EUR", MONEY_MAX), Credit(Decimal("0.01")))


def test_a_row_is_stored_and_read_exactly_in_any_context() -> None:
    row = EventRow("a", 2, 2, "2026-01-31T09:30:00.000001Z", Credited(LARGE), LARGE, "EUR", "c-1", None)
    with localcontext(prec=3):
        item = to_item(row)
        assert (item["Amount"], item["Balance"]) == ({"N": "1234567890123456.78"}, {"N": "1234567890123456.78"})
        assert from_item(item) == row


def test_the_largest_amount_is_encoded_in_any_context() -> None:
    with localcontext(prec=3):
        assert decode(encode("BalanceWithdrawn", WITHDRAWN | {"amount": MONEY_MAX})).fields["amount"] == MONEY_MAX


@pytest.mark.parametrize("balance", ["10.005", "10.0000001", "1e17", "NaN", "-0.01"])
def test_a_balance_of_the_read_model_is_not_rounded(balance: str) -> None:
    assert from_row(OWNED).balance == Decimal("10.00")
    with pytest.raises(Corrupt, match=r"not a valid amount|not a number"):
        from_row({**OWNED, "Balance": {"N": balance}})
