"""An event ready for Kinesis, or a row that can never be one."""

from typing import NamedTuple

from account_core.domain.events import EventRow
from account_core.rows.items import version_of
from account_events.avro.encoder import ENCODERS, Encoders, encode
from account_events.avro.errors import InvalidEvent
from account_events.avro.values import micros
from projector.errors import Unpublishable
from projector.translate import translate

# Kinesis' limits on one record; breaking one fails the whole call, and so every other account in it.
# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
PARTITION_KEY_LENGTH_MAX = 256
RECORD_BYTES_MAX = 1024 * 1024
"""Data and partition key."""
EVENT_BYTES_MAX = RECORD_BYTES_MAX - 2 * 1024
"""What is left for one event beside the longest partition key (1 KiB of UTF-8) and an aggregate's framing."""


class Outgoing(NamedTuple):
    """One event on its way. A tuple, because there is one for every record and dataclasses take three times as long.

    Attributes:
        occurred_us: microseconds since 1970.
        data: as its encoder frames it.
        position: in the batch, of the record it came in, or of the one that showed it to be missing.
    """

    account_id: str
    sequence: int
    occurred_us: int
    data: bytes
    position: int


REASON_LENGTH_MAX = 500
"""A reason quotes what is wrong, which may be as long as a row: too long for one that has to hold the reason, too."""


class Poison(NamedTuple):
    """A row from which no event can be made: neither this nor a later event of its account may be published.

    Attributes:
        sequence: of its event; for a row in a snapshot's place, of the next.
        version: the row's, which with the account is its key; 0 where that has none.
        reason: for the log and the operator; never an amount.
    """

    account_id: str
    sequence: int
    version: int
    reason: str
    position: int


Arrival = Outgoing | Poison


def shortened(reason: str) -> str:
    """A reason that every table takes: short, and text that UTF-8 can hold."""
    return reason[:REASON_LENGTH_MAX].encode(errors="replace").decode()


def is_stray(arrival: Arrival) -> bool:
    """Whether it is a row that is none of its account's, so that no event of the account can stand for it."""
    return isinstance(arrival, Poison) and arrival.version == 0


def poison_of(event: Outgoing, code: str) -> Poison:
    """An event that Kinesis never accepts, by its error code."""
    reason = f"Kinesis refuses the event: {code}"
    return Poison(event.account_id, event.sequence, version_of(event.sequence), reason, event.position)


def outgoing(row: EventRow, position: int, encoders: Encoders = ENCODERS) -> Outgoing:
    """Raises Unpublishable: the row cannot be told, encoded, or carried by Kinesis as an event."""
    try:
        name, fields = translate(row)
        data = encode(name, fields, encoders)
    except InvalidEvent as error:
        raise Unpublishable(f"event {row.account_id}:{row.sequence}: {error}") from error
    if not 0 < len(row.account_id) <= PARTITION_KEY_LENGTH_MAX:
        raise Unpublishable(f"event {row.sequence}: an account id has 1 to {PARTITION_KEY_LENGTH_MAX} characters")
    if len(data) > EVENT_BYTES_MAX:
        raise Unpublishable(f"event {row.account_id}:{row.sequence}: {len(data)} bytes are too many for one record")
    return Outgoing(row.account_id, row.sequence, micros(fields["occurred_at"]), data, position)
