"""An event ready for Kinesis: its bytes, and whose it is."""

from dataclasses import dataclass

from projector.errors import Unpublishable
from projector.parse import Insert
from projector.translate import translate
from schemas.codec import encode
from schemas.errors import InvalidEvent

# Kinesis' limits on one record; breaking one fails the whole call, and so every other account in it.
# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
PARTITION_KEY_LENGTH_MAX = 256
RECORD_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event on its way.

    Attributes:
        sequence_number: the table stream's name for the record the event came in.
        size: bytes as Kinesis counts them, with the partition key.
    """

    account_id: str
    sequence: int
    sequence_number: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data) + len(self.account_id.encode())


def outgoing(insert: Insert) -> Outgoing:
    """Raises Unpublishable: the row cannot be told, encoded, or carried by Kinesis as an event."""
    row = insert.row
    try:
        data = encode(*translate(row))
    except InvalidEvent as error:
        raise Unpublishable(f"event {row.account_id}:{row.sequence}: {error}") from error
    event = Outgoing(row.account_id, row.sequence, insert.sequence_number, data)
    if not 0 < len(row.account_id) <= PARTITION_KEY_LENGTH_MAX:
        raise Unpublishable(f"event {row.sequence}: an account id has 1 to {PARTITION_KEY_LENGTH_MAX} characters")
    if event.size > RECORD_BYTES_MAX:
        raise Unpublishable(f"event {row.account_id}:{row.sequence}: {event.size} bytes are too many for one record")
    return event
