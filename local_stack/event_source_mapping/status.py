"""What a running mapping says about itself."""

from dataclasses import dataclass

from account_events.lambda_mapping.shard import Counts


@dataclass(frozen=True)
class ShardStatus:
    """One shard being read.

    `checkpoint` is the last sequence number that is done, `buffered` the records read and not yet done,
    `iterator_age_ms` the age of the oldest of them (without any: how far behind the stream Kinesis says we are, 0 for
    DynamoDB), `retries` those used up by the batch at the head.
    """

    shard_id: str
    checkpoint: str | None
    buffered: int
    iterator_age_ms: int
    retries: int
    counts: Counts


@dataclass(frozen=True)
class MappingStatus:
    """The whole mapping; `totals` includes shards already read to their end."""

    running: bool
    idle: bool
    passes: int
    shards: tuple[ShardStatus, ...]
    finished_shards: int
    totals: Counts
    errors: int
    last_error: str | None
