"""One shard, delivered in as many lanes as the mapping's ParallelizationFactor.

Source: AWS Lambda Developer Guide, "Using Lambda to process records from Amazon Kinesis Data Streams" ("Polling and
batching streams"): Lambda processes up to ten batches of a shard concurrently, and it "still ensures in-order
processing at the partition-key level"; "Using AWS Lambda with Amazon DynamoDB" states the same of an item (its
partition and sort key). Of aggregated records, the first page requires that all events inside have the record's
partition key, as those of the projector have. With enhanced fan-out, Lambda unpacks them first; this module does not.

Where AWS is silent, this module chooses:

- A hash of the key determines a record's lane, so the records of a key stay in one lane, in the order of the shard.
- Each lane is a shard of its own: batches, windows, retries, bisecting and discards. A failing lane delays no other.
- The shard's checkpoint is the last record before the first one that is not done in its lane. So after a restart,
  lanes that were further ahead receive records again.
"""

import json
import zlib
from collections import deque
from collections.abc import Iterable

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.retry import Backoff
from account_events.lambda_mapping.shard import Counts, ShardState


class ShardLanes:
    """The lanes of one shard. Carry out the actions of each lane as those of a `ShardState`. Not thread-safe.

    Attributes:
        lanes: one for each batch that may be delivered concurrently.
        last_fed: the sequence number to read after: that of the last record fed, or the checkpoint.
    """

    def __init__(self, config: MappingConfig, *, backoff: Backoff | None = None, checkpoint: str | None = None) -> None:
        self.lanes = tuple(
            ShardState(config, backoff=backoff, checkpoint=checkpoint) for _ in range(config.parallelization_factor)
        )
        self.last_fed = checkpoint or None
        self._checkpoint = checkpoint
        self._fed: deque[tuple[str, ShardState]] = deque()

    def feed(self, records: Iterable[StreamRecord], now_s: float) -> None:
        """Add records in shard order. Records up to the last one fed are ignored, so you may read them again."""
        for record in records:
            if self.last_fed is not None and int(record.sequence_number) <= int(self.last_fed):
                continue
            self.last_fed = record.sequence_number
            lane = self.lanes[self._lane_of(record)]
            lane.feed([record], now_s)
            self._fed.append((record.sequence_number, lane))
        self._forget_done()

    @property
    def checkpoint(self) -> str | None:
        """Every record up to this sequence number was processed, discarded or filtered out."""
        self._forget_done()
        return self._checkpoint

    @property
    def buffered(self) -> int:
        """How many records passed the filter and are neither delivered nor discarded yet."""
        return sum(lane.buffered for lane in self.lanes)

    @property
    def retries(self) -> int:
        """The most retries used by a batch at the head of a lane."""
        return max(lane.retries for lane in self.lanes)

    @property
    def oldest_created_at_s(self) -> float | None:
        """When the first unfinished record was created (in Kinesis, when it arrived), in seconds since the epoch."""
        oldest = [lane.oldest_created_at_s for lane in self.lanes]
        return min((created_at_s for created_at_s in oldest if created_at_s is not None), default=None)

    @property
    def counts(self) -> Counts:
        """The totals of all lanes."""
        totals = Counts()
        for lane in self.lanes:
            totals.add(lane.counts)
        return totals

    def _lane_of(self, record: StreamRecord) -> int:
        return zlib.crc32(_key(record).encode()) % len(self.lanes) if len(self.lanes) > 1 else 0

    def _forget_done(self) -> None:
        while self._fed and _is_done(*self._fed[0]):
            self._checkpoint, _ = self._fed.popleft()


def _key(record: StreamRecord) -> str:
    """What determines the order: the partition key, or the key of the item."""
    if "kinesis" in record.event:
        return str(record.event["kinesis"]["partitionKey"])
    return json.dumps(record.event["dynamodb"]["Keys"], sort_keys=True)


def _is_done(sequence_number: str, lane: ShardState) -> bool:
    return lane.checkpoint is not None and int(sequence_number) <= int(lane.checkpoint)
