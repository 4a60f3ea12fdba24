"""The demo's check of transfers."""

from decimal import Decimal
from typing import Any

import pytest

from account_events.avro.codec import DomainEvent
from ops.demo.demo import compare_transfers

AMOUNT = Decimal("1.25")


def event(name: str, account_id: str, counterparty: str, **changes: Any) -> DomainEvent:  # noqa: ANN401 -- fields
    fields = {
        "event_id": f"{account_id}:2",
        "account_id": account_id,
        "counterparty_account_id": counterparty,
        "transfer_id": "t-1",
        "amount": AMOUNT,
    }
    return DomainEvent(name, "0" * 16, fields | changes)


PAID, RECEIVED = event("BalanceWithdrawn", "a", "b"), event("BalanceCredited", "b", "a")


def test_a_whole_transfer_has_no_finding() -> None:
    plain = event("BalanceCredited", "c", "", transfer_id=None)
    assert compare_transfers({"t-1": AMOUNT}, [PAID, plain, RECEIVED, PAID]) == []


@pytest.mark.parametrize(
    ("accepted", "published"),
    [
        ({"t-1": AMOUNT}, []),
        ({"t-1": AMOUNT}, [PAID]),
        ({"t-1": AMOUNT}, [PAID, RECEIVED, event("BalanceCredited", "b", "a", event_id="b:3")]),
        ({"t-1": AMOUNT}, [PAID, event("BalanceCredited", "b", "a", amount=Decimal("1.24"))]),
        ({"t-1": AMOUNT}, [PAID, event("BalanceCredited", "c", "a")]),
        ({"t-1": AMOUNT}, [PAID, event("BalanceWithdrawn", "b", "a")]),
        ({"t-1": Decimal(1)}, [PAID, RECEIVED]),
        ({}, [PAID, RECEIVED]),
    ],
)
def test_a_transfer_that_is_not_whole_is_a_finding(accepted: dict[str, Decimal], published: list[DomainEvent]) -> None:
    [finding] = compare_transfers(accepted, published)
    assert finding.startswith("transfer t-1 of ")
