"""A domain event as the page shows it. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from account_events.avro.codec import DomainEvent
from ops.console.recent import RecentAccounts

TEXT_MAX = 500
"""Longer values are cut off. No event of this project has one."""
OWN_FIELDS = ("event_id", "account_id", "sequence", "occurred_at")
"""Fields of an event that are not among its `fields`, because they have a place of their own."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event with its position on the stream, and when the console saw it."""

    event: DomainEvent
    shard_id: str
    sequence_number: str
    arrived_at: datetime
    seen_at: datetime


def as_json(arrived: Arrived, accounts: RecentAccounts) -> dict[str, Any]:
    """The event for the page. Its account becomes the newest of `accounts`."""
    fields = arrived.event.fields
    account_id, sequence = str(fields["account_id"]), int(fields["sequence"])
    occurred_at: datetime = fields["occurred_at"]
    texts = {name: as_text(value) for name, value in fields.items() if name not in OWN_FIELDS}
    at = as_time(occurred_at)
    return {
        "event_id": str(fields["event_id"]),
        "account_id": account_id,
        "sequence": sequence,
        "type": arrived.event.name,
        "occurred_at": at,
        "arrived_at": as_time(arrived.arrived_at),
        "seen_at": as_time(arrived.seen_at),
        "shard_id": arrived.shard_id,
        "sequence_number": arrived.sequence_number,
        "fields": texts,
        "order": accounts.add(account_id, sequence, at, texts),
        "lag": {
            "to_stream_ms": milliseconds(arrived.arrived_at - occurred_at),
            "to_console_ms": milliseconds(arrived.seen_at - arrived.arrived_at),
        },
    }


def as_time(moment: datetime) -> str:
    """A time in the form of the API's times: ISO 8601, UTC, with six decimals."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def as_text(value: object) -> str | None:
    """A field's value as text; None if it has none."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return as_time(value)
    return (value.hex() if isinstance(value, bytes) else str(value))[:TEXT_MAX]


def milliseconds(span: timedelta) -> int:
    """A span in milliseconds. Clocks differ, so it may be below zero, which is shown as zero."""
    return max(0, span // timedelta(milliseconds=1))
