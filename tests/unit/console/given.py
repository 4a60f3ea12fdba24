"""Events and rows as the console receives them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from account_core.domain.events import EventRow, Row
from account_core.rows.items import to_item
from account_events.avro.codec import DomainEvent, decode
from account_events.avro.encoder import ENCODERS
from ops.console.published import Arrived
from projector.translate import translate
from tests.support.ledger_and_lake import history

NOW = datetime(2026, 8, 2, 9, 30, tzinfo=UTC)


def domain_event(row: EventRow) -> DomainEvent:
    """The event that the projector publishes for a row."""
    name, fields = translate(row)
    return decode(ENCODERS[name].encode(fields))


def arrived(row: EventRow, seen_at: datetime = NOW) -> Arrived:
    """The row's event, which arrived a tenth of a second before it was seen."""
    return Arrived(domain_event(row), "shard-1", "49", seen_at - timedelta(milliseconds=100), seen_at)


def arrivals(account_id: str, *amounts: str) -> list[Arrived]:
    """The events of an account that is opened and then changed by these amounts."""
    return [arrived(row) for row in history(account_id, *amounts) if isinstance(row, EventRow)]


def newest_first(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The items of rows, as a descending Query returns them."""
    return [to_item(row) for row in reversed(rows)]
