"""The events of a transfer in consumers' tests are those that the service publishes."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from account_core.domain.events import Created, Credited, EventRow, Transfer, Withdrawn
from account_core.domain.events import Event as Stored
from account_core.service.head import Head, Origin, advance, rows_for, rows_of_transfer, timestamp
from account_events.consumer import BalanceCredited, BalanceWithdrawn, Decoder, Event
from account_events.testing import BadReplay, history, of_a_later_type, transferred
from projector.outgoing import outgoing

ALMA, BO = history("alma", "100.00", "-30.00"), history("bo", "20.00")


def stored(event: Event) -> Stored:
    match event:
        case BalanceCredited(amount=amount):
            return Credited(amount)
        case BalanceWithdrawn(amount=amount):
            return Withdrawn(amount)
    return Created("owner-1", "EUR")


def head_of(events: list[Event]) -> Head:
    """The state of an account that the service has changed as in this history."""
    head = Head()
    for event in events:
        origin = Origin(timestamp(event.occurred_at), "c", "r")
        head = advance(head, rows_for(event.account_id, head, stored(event), origin)[0])
    return head


def test_both_events_are_those_of_the_service_and_the_projector() -> None:
    paid, received = (events[-1] for events in transferred(ALMA, BO, "12.50", "t-1"))
    amount = Decimal("12.50")
    both: list[Stored] = [Withdrawn(amount, Transfer("t-1", "bo")), Credited(amount, Transfer("t-1", "alma"))]
    origin = Origin(timestamp(paid.occurred_at), paid.correlation_id, str(paid.request_id))
    rows = rows_of_transfer(("alma", head_of(ALMA)), ("bo", head_of(BO)), both, origin)
    published = [Decoder().decode(outgoing(row, 0).data) for [row, *_] in rows if isinstance(row, EventRow)]
    assert published == [paid, received]


def test_the_histories_continue_and_the_events_name_each_other() -> None:
    paying, receiving = transferred(ALMA, BO, Decimal("70.00"))
    assert (paying[:-1], receiving[:-1]) == (ALMA, BO)
    assert [(event.sequence, event.occurred_at) for event in (paying[-1], receiving[-1])] == [
        (4, datetime.fromisoformat("2026-01-31T09:00:03+00:00")),
        (3, datetime.fromisoformat("2026-01-31T09:00:03+00:00")),
    ]
    back, again = transferred(receiving, paying, "90.00", "transfer-2")
    assert [event.balance for event in (back[-1], again[-1])] == [Decimal("0.00"), Decimal("90.00")]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("paying", "receiving", "amount", "message"),
    [
        (ALMA, ALMA, "1.00", "two accounts of the same currency"),
        (ALMA, history("c", currency="USD"), "1.00", "two accounts of the same currency"),
        (ALMA, BO, "70.01", "alma: 70.01 overdraws"),
        (ALMA, BO, "-1.00", "alma: -1.00 overdraws the account or is not positive"),
        (ALMA, BO, "0.001", "is not an amount"),
        ([], BO, "1.00", "needs the events of two accounts"),
        ([*ALMA, of_a_later_type(replace(ALMA[-1], sequence=4))], BO, "1.00", "needs the events of two accounts"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(
    paying: list[Event], receiving: list[Event], amount: str, message: str
) -> None:
    with pytest.raises(BadReplay, match=message):
        transferred(paying, receiving, amount)
