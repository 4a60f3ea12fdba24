"""Stored events become domain events; if that is impossible, the error states the reason."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.events import Created, Credited, Event, EventRow, Transfer, Withdrawn
from account_events.avro.codec import decode
from projector.errors import Unpublishable
from projector.outgoing import EVENT_BYTES_MAX, Outgoing, outgoing
from projector.translate import translate

ROW = EventRow(
    account_id="a-1",
    version=11,
    sequence=10,
    occurred_at="2026-01-31T09:30:00.000001Z",
    event=Withdrawn(Decimal("12.34")),
    balance=Decimal("87.66"),
    currency="EUR",
    correlation_id="c-1",
    request_id="r-1",
    command_id="k-1",
)
COMMON = {
    "event_id": "a-1:10",
    "account_id": "a-1",
    "sequence": 10,
    "occurred_at": datetime(2026, 1, 31, 9, 30, 0, 1, tzinfo=UTC),
    "correlation_id": "c-1",
    "causation_id": "k-1",
    "request_id": "r-1",
    "currency": "EUR",
    "balance": Decimal("87.66"),
}
CHANGED = {"amount": Decimal("12.34")}
NO_TRANSFER = {"transfer_id": None, "counterparty_account_id": None}
TRANSFER = {"transfer_id": "t-1", "counterparty_account_id": "a-2"}


@pytest.mark.parametrize(
    ("event", "name", "own"),
    [
        (Created(owner="o-1", currency="EUR"), "AccountCreated", {"owner": "o-1"}),
        (Withdrawn(Decimal("12.34")), "BalanceWithdrawn", CHANGED | NO_TRANSFER),
        (Credited(Decimal("12.34")), "BalanceCredited", CHANGED | NO_TRANSFER),
        (Withdrawn(Decimal("12.34"), Transfer("t-1", "a-2")), "BalanceWithdrawn", CHANGED | TRANSFER),
        (Credited(Decimal("12.34"), Transfer("t-1", "a-2")), "BalanceCredited", CHANGED | TRANSFER),
    ],
)
def test_each_stored_event_has_its_domain_event(event: Event, name: str, own: dict[str, Any]) -> None:
    row = replace(ROW, event=event)
    assert translate(row) == (name, COMMON | own)
    assert decode(outgoing(row, 7).data).fields == COMMON | own


def test_an_event_without_an_idempotency_key_has_no_causation_id() -> None:
    assert translate(replace(ROW, command_id=None))[1]["causation_id"] is None


def test_an_outgoing_event_has_its_account_and_position() -> None:
    event = outgoing(ROW, 7)
    assert event == Outgoing("a-1", 10, 1769851800000001, event.data, 7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"occurred_at": "yesterday"}, "not a time in ISO 8601"),
        ({"occurred_at": 7}, "not a time in ISO 8601"),
        ({"occurred_at": "2026-01-31T09:30:00"}, "not a time in ISO 8601"),
        ({"sequence": 2**63}, "sequence does not fit"),
        ({"correlation_id": "\ud800"}, "surrogate"),
        ({"balance": Decimal("12345678901234567.00")}, "balance has more than 18 digits"),
        ({"account_id": ""}, "1 to 256 characters"),
        ({"account_id": "a" * 257}, "1 to 256 characters"),
        ({"correlation_id": "c" * 1024 * 1024}, "bytes exceed the maximum"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_unpublishable_event_has_a_reason_without_amounts(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Unpublishable, match=message) as caught:
        outgoing(replace(ROW, **change), 7)
    assert "12345678901234567" not in str(caught.value)


def test_the_longest_account_id_that_kinesis_accepts_is_accepted() -> None:
    assert len(outgoing(replace(ROW, account_id="ü" * 256), 7).data) > 1024


def test_the_largest_event_is_accepted_and_one_byte_more_is_not() -> None:
    length = EVENT_BYTES_MAX - len(outgoing(replace(ROW, correlation_id="c" * 20_000), 7).data) + 20_000
    assert len(outgoing(replace(ROW, correlation_id="c" * length), 7).data) == EVENT_BYTES_MAX
    with pytest.raises(Unpublishable):
        outgoing(replace(ROW, correlation_id="c" * (length + 1)), 7)


def test_an_event_without_a_translation_is_refused_by_name() -> None:
    class InterestPaid:
        """An event type of a future release."""

    with pytest.raises(Unpublishable, match=r"event a-1:10: projector/translate.py has no case for InterestPaid"):
        outgoing(replace(ROW, event=InterestPaid()), 0)  # type: ignore[arg-type]
