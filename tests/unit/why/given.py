"""Facts about one event, for the tests of `why`."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from account_core.domain.events import EventRow
from account_events.consumer.position import Position
from ops.why.diagnosis import Surroundings, diagnosis
from ops.why.facts import EventKey, Facts, InLake, LedgerRow, OnStream, RequestLine, Stored
from projector.parking import Parked

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
AT = NOW - timedelta(minutes=30)
KEY = EventKey("a-1", 3)
ROW = LedgerRow(KEY, 3, AT, "CREDIT", "c-1", "r-1", "k-1")
REQUEST = RequestLine(
    *(AT + timedelta(milliseconds=40), "credit", 200, "r-1", "", "a-1", 3),
    correlation_id="c-1",
    command_id="k-1",
)
RECORD = OnStream("shard-0", "4961", AT + timedelta(seconds=1))
FILE = InLake("events/dt=2026-08-01/a.parquet", RECORD.arrived_at, AT + timedelta(minutes=5))
EVERYWHERE = Facts(
    KEY, AT, (REQUEST,), ROW, on_stream=RECORD, position=Position(last=4, seen=4), applied=4, in_lake=FILE
)
AROUND = Surroundings(
    NOW,
    grace=timedelta(minutes=1),
    lake_grace=timedelta(minutes=10),
    retention=timedelta(hours=168),
    stack="bank",
    option=" --stack bank",
    stream="events",
    projector_log="/projector",
)


def only_written(age: timedelta = timedelta(minutes=30), **known: Any) -> Facts:  # noqa: ANN401 -- fields of Facts
    """An event that is in the table and nowhere else."""
    at = NOW - age
    return replace(Facts(KEY, at, (), replace(ROW, at=at), position=Position(last=2, seen=2), applied=2), **known)


def without(**missing: Any) -> Facts:  # noqa: ANN401 -- fields of Facts
    """An event that is everywhere, except for these facts."""
    return replace(EVERYWHERE, **missing)


def parked_at(first: int) -> Parked:
    return Parked("a-1", first, 5, first, "unknown type 'INTEREST'", "2026-08-01T11:31:00+00:00")


def stored(url: str, reason: str = "") -> Stored:
    return Stored(url, AT + timedelta(minutes=2), reason)


def found(facts: Facts, around: Surroundings = AROUND) -> list[tuple[str, str, str]]:
    """The kind, the place and the command of each finding."""
    return [(each.kind, each.where, each.repair or each.look) for each in diagnosis(facts, around)]


def line(row: EventRow, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of a log line
    """The log event of a row's request."""
    fields = {
        "message": "request",
        "operation": "withdraw",
        "status": 200,
        "account_id": row.account_id,
        "sequence": row.sequence,
        "is_replay": False,
        "request_id": row.request_id,
        "correlation_id": row.correlation_id,
        "command_id": row.command_id,
    } | changes
    at = datetime.fromisoformat(row.occurred_at) + timedelta(milliseconds=30)
    message = json.dumps({name: value for name, value in fields.items() if value is not None})
    return {"timestamp": round(at.timestamp() * 1000), "message": message}
