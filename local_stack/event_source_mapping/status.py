"""The status of a running mapping."""

from dataclasses import dataclass

from account_events.lambda_mapping.shard import Counts


@dataclass(frozen=True)
class ShardStatus:
    """Status of a shard that is being read.

    Attributes:
        checkpoint: sequence number of the last record that is processed or discarded.
        buffered: number of records that are read, but neither processed nor discarded.
        iterator_age_ms: age of the oldest buffered record. If none is buffered: MillisBehindLatest for Kinesis, 0 for
            DynamoDB.
        retries: retries used up by the current batch.
    """

    shard_id: str
    checkpoint: str | None
    buffered: int
    iterator_age_ms: int
    retries: int
    counts: Counts


@dataclass(frozen=True)
class MappingStatus:
    """Status of a mapping. `totals` includes finished shards; `cycles` counts completed poll cycles."""

    running: bool
    idle: bool
    cycles: int
    shards: tuple[ShardStatus, ...]
    finished_shards: int
    totals: Counts
    errors: int
    last_error: str | None
