"""Encoded domain events of an account, and Kinesis records that contain them."""

from collections.abc import Iterable
from itertools import count

from account_core.domain.events import EventRow
from account_events.aggregation.packing import aggregate
from account_events.consumer import Decoder, KinesisRecord, OtherEvent
from account_events.consumer.events import KnownEvent
from account_events.consumer.position import Arrival
from projector.outgoing import outgoing
from tests.support.rows import history

DECODER = Decoder()


def encoded(account_id: str, events: int) -> list[bytes]:
    """The account's events 1 to `events`, as the projector encodes them."""
    return [outgoing(row, 0).data for row in history(account_id, events) if isinstance(row, EventRow)]


def events_of(account_id: str, events: int) -> list[KnownEvent]:
    decoded = [DECODER.decode(data) for data in encoded(account_id, events)]
    return [event for event in decoded if not isinstance(event, OtherEvent)]


def arrivals(account_id: str, sequences: Iterable[int]) -> list[Arrival]:
    """One record per event, numbered from 0."""
    numbers = list(sequences)
    datas = encoded(account_id, max(numbers, default=0))
    return [
        Arrival(DECODER.decode(datas[sequence - 1]), datas[sequence - 1], record)
        for record, sequence in enumerate(numbers)
    ]


def records(*contents: bytes | list[bytes]) -> list[KinesisRecord]:
    """One record per argument; a list makes an aggregated record. The sequence numbers are "1", "2", ..."""
    numbers = count(1)
    return [
        KinesisRecord(str(next(numbers)), each if isinstance(each, bytes) else aggregate("0", "0", each))
        for each in contents
    ]


def time_of(event: KnownEvent) -> str:
    """The time of an event in the read model's format."""
    return f"{event.occurred_at:%Y-%m-%dT%H:%M:%S.%fZ}"
