"""A published event has everything that its row has."""

from dataclasses import replace
from datetime import datetime

import pytest

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_events.avro.codec import decode
from account_events.avro.encoder import encode
from ops.restore.published_rows import row_of
from projector.translate import translate
from tests.support.ledger_and_lake import history
from tests.support.transfer_corruptions import TRANSFERS

ROWS = [row for row in (*history("a", "10.00", "-4.99", *["0.01"] * 12), *TRANSFERS[-2:]) if isinstance(row, EventRow)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.account_id}-{row.sequence}")
def test_the_row_of_a_published_event_is_the_row_it_was_made_from(row: EventRow) -> None:
    assert row_of(*translate(row)) == row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.account_id}-{row.sequence}")
def test_an_event_decoded_from_the_stream_gives_the_same_row(row: EventRow) -> None:
    event = decode(encode(*translate(row)))
    assert row_of(event.name, event.fields) == row


def test_an_event_of_the_lake_has_a_time_without_an_offset() -> None:
    name, fields = translate(ROWS[1])
    at = fields["occurred_at"]
    assert isinstance(at, datetime)
    assert row_of(name, {**fields, "occurred_at": at.replace(tzinfo=None)}) == ROWS[1]


def test_an_event_without_a_request_id_gives_a_row_without_it() -> None:
    name, fields = translate(replace(ROWS[1], request_id=None))
    del fields["request_id"]
    assert row_of(name, fields) == replace(ROWS[1], request_id=None)


def test_an_unknown_event_type_is_refused() -> None:
    _, fields = translate(ROWS[1])
    with pytest.raises(Corrupt, match="event a:2: no row has the event type AccountClosed"):
        row_of("AccountClosed", fields)
