"""Events on their way to Kinesis, rows that can never be published, and the outcome of publishing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from account_core.domain.events import EventRow
from account_core.rows.items import version_of
from account_events.avro.encoder import ENCODERS, Encoders, encode
from account_events.avro.errors import InvalidEvent
from account_events.avro.values import micros
from projector.errors import Unpublishable
from projector.translate import translate

# Kinesis' limits on one record. Exceeding one fails the whole call, and with it every other account in the call.
# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
PARTITION_KEY_LENGTH_MAX = 256
RECORD_BYTES_MAX = 1024 * 1024
"""Data and partition key."""
EVENT_BYTES_MAX = RECORD_BYTES_MAX - 2 * 1024
"""What remains for one event after the longest partition key (1 KiB of UTF-8) and the framing of an aggregate."""


class Outgoing(NamedTuple):
    """An event ready for Kinesis. A tuple, because creating a frozen dataclass takes three times as long.

    Attributes:
        occurred_us: microseconds since 1970.
        data: the encoded event with its framing.
        position: the position in the batch of the record that contained the event or revealed that it was missing.
    """

    account_id: str
    sequence: int
    occurred_us: int
    data: bytes
    position: int


REASON_LENGTH_MAX = 500
"""A reason quotes the faulty value, which may be as long as a row and too long for a table or a log line."""


class Poison(NamedTuple):
    """A row that cannot become an event. Neither its event nor any later event of its account may be published.

    Attributes:
        sequence: the sequence of its event; for a row at a snapshot version, that of the next event.
        version: the row's sort key; 0 if the key holds no valid version.
        reason: a text for the log and the operator, without amounts.
        position: the same as in `Outgoing`.
    """

    account_id: str
    sequence: int
    version: int
    reason: str
    position: int


Arrival = Outgoing | Poison


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An event that is not known to be on the stream: refused, not answered, or waiting behind such an event.

    Attributes:
        reason: the error code, without its message.
        is_refused: Kinesis refused a call because of this event and accepted the call without it. A retry never helps.
    """

    event: Outgoing
    reason: str
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome of publishing a number of events.

    Attributes:
        held: events not known to be on the stream; for each account, all its events from some sequence on.
        records: the number of Kinesis records that the events were packed into.
        refusals: how many times Kinesis did not accept a record.
    """

    held: Sequence[HeldBack]
    records: int
    refusals: int


class Publisher(Protocol):
    def publish(self, events: Iterable[Outgoing], deadline_s: float) -> Published:
        """See `KinesisPublisher.publish`."""


def shortened(reason: str) -> str:
    """Shorten a reason and replace characters that UTF-8 cannot encode, so that every table accepts it."""
    return reason[:REASON_LENGTH_MAX].encode(errors="replace").decode()


def is_stray(arrival: Arrival) -> bool:
    """Whether the row's key is invalid, so that the row does not stand for any event of the account."""
    return isinstance(arrival, Poison) and arrival.version == 0


def poison_of(event: Outgoing, code: str) -> Poison:
    """The Poison for an event that Kinesis always refuses with this error code."""
    reason = f"Kinesis refuses the event: {code}"
    return Poison(event.account_id, event.sequence, version_of(event.sequence), reason, event.position)


def outgoing(row: EventRow, position: int, encoders: Encoders = ENCODERS) -> Outgoing:
    """Encode a row's event. Raises Unpublishable if the event cannot be translated, encoded, or sent to Kinesis."""
    try:
        name, fields = translate(row)
        data = encode(name, fields, encoders)
    except InvalidEvent as error:
        raise Unpublishable(f"event {row.account_id}:{row.sequence}: {error}") from error
    if not 0 < len(row.account_id) <= PARTITION_KEY_LENGTH_MAX:
        raise Unpublishable(
            f"event {row.sequence}: the account id must have 1 to {PARTITION_KEY_LENGTH_MAX} characters, "
            f"but has {len(row.account_id)}"
        )
    if len(data) > EVENT_BYTES_MAX:
        raise Unpublishable(
            f"event {row.account_id}:{row.sequence}: {len(data)} bytes exceed the maximum of {EVENT_BYTES_MAX}"
        )
    return Outgoing(row.account_id, row.sequence, micros(fields["occurred_at"]), data, position)
