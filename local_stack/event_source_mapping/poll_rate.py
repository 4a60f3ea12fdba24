"""How often a mapping reads each shard of its stream. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from account_events.lambda_mapping.filters import SourceKind


@dataclass(frozen=True, slots=True)
class PollRate:
    """The rate of one mapping.

    Attributes:
        interval_s: seconds from one read to the next while there are no records.
        pause_s: least seconds between two reads.
        is_steady: whether a read that found records is followed by the next one after `interval_s`, unless more records
            are available. If not, the next read follows after `pause_s`.
    """

    interval_s: float
    pause_s: float
    is_steady: bool = False

    def next_read_s(self, begun_s: float, ended_s: float, *, is_behind: bool) -> float:
        """The earliest time of the next read.

        Args:
            begun_s: when the last read began.
            ended_s: when the poll cycle with that read ended, including the function's invocation.
            is_behind: whether the read left records on the stream.
        """
        earliest_s = ended_s + self.pause_s
        return max(earliest_s, begun_s + self.interval_s) if self.is_steady and not is_behind else earliest_s


# "Using AWS Lambda with Amazon DynamoDB": shards are polled "at a base rate of 4 times per second". "How Lambda
# processes records from Amazon Kinesis Data Streams": "at a rate of once per second for each shard". While more records
# are available, Lambda keeps processing batches. Kinesis API reference, GetRecords: 5 transactions per second and
# shard, including calls that return no records. AWS does not document whether a poll that found all records is followed
# by another one at once. Ours is.
POLL_RATES: Mapping[SourceKind, PollRate] = {"dynamodb": PollRate(0.25, 0.0), "kinesis": PollRate(1.0, 0.2)}
