"""The state machine of one shard: which records to deliver next, and which to retry or discard after a response.

Source: AWS Lambda Developer Guide: "Using AWS Lambda with Amazon DynamoDB" (batching), "Retain discarded records for a
DynamoDB event source in Lambda" (retries, age, bisecting), "Configuring partial batch response with DynamoDB and
Lambda", "Lambda parameters for Amazon DynamoDB event source mappings", and the pages of the same titles for Kinesis,
which state the same; AWS Compute Blog, "Optimizing batch processing with custom checkpoints in AWS Lambda".

Where AWS is silent, this module chooses:

- The halves of a split batch, and the rest after a partial response, keep their number of used retries.
- Without bisecting, every partial response uses a retry, even if it made progress.
- With bisecting, a partial response that names the batch's first record cannot be split: it uses a retry, and after the
  last retry the whole rest is discarded. Complete failures (a function error, a malformed response) are split in half;
  the first half of an odd number of records is the smaller one.
- Backoff counts the shard's consecutive failures. A success, a partial success or a discard resets it.
- The age limit is reached at exactly MaximumRecordAgeInSeconds. It also applies to records that were never delivered,
  and it ends a backoff. A record that has failed once is discarded after the stream's retention, whatever the settings.
- A discard is returned until it is acknowledged, so an unavailable destination stops the shard and loses no record.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import islice
from math import inf

from account_events.lambda_mapping.config import INFINITE, MappingConfig
from account_events.lambda_mapping.outcome import Invoked, NotInvoked, batch_result
from account_events.lambda_mapping.records import StreamRecord, payload_prefix
from account_events.lambda_mapping.retry import Backoff


class Condition(StrEnum):
    """Why records were discarded, by the name in AWS's invocation records."""

    RETRY_ATTEMPTS_EXHAUSTED = "RetryAttemptsExhausted"
    RECORD_AGE_EXCEEDED = "RecordAgeExceeded"


@dataclass(frozen=True)
class Invoke:
    """Invoke the function with these records, then call `ShardState.invoked`."""

    records: tuple[StreamRecord, ...]


@dataclass(frozen=True)
class Discard:
    """Send these records to the on-failure destination, if there is one, then call `ShardState.discarded`."""

    records: tuple[StreamRecord, ...]
    condition: Condition
    invoke_count: int
    last: Invoked | None


@dataclass(frozen=True)
class Wait:
    """Nothing to do before this time (seconds since the epoch), unless more records are fed."""

    until_s: float


@dataclass(frozen=True)
class Idle:
    """Nothing to do until records are fed or the outcome of the current invocation is reported."""


Action = Invoke | Discard | Wait | Idle


@dataclass
class Counts:
    """Totals of one shard: the first three count records."""

    delivered: int = 0
    discarded: int = 0
    filtered: int = 0
    invocations: int = 0
    failures: int = 0
    throttles: int = 0

    def add(self, more: "Counts") -> None:
        for name, value in asdict(more).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class _Batch:
    records: tuple[StreamRecord, ...]
    retries: int = 0
    invoke_count: int = 0
    last: Invoked | None = None
    has_failed: bool = False


class ShardState:
    """The records of one shard on their way from the stream to the function.

    `feed` records in shard order. Call `next_action`, carry it out, report its result, and repeat. Not thread-safe.
    """

    def __init__(self, config: MappingConfig, *, backoff: Backoff | None = None, checkpoint: str | None = None) -> None:
        self.counts = Counts()
        self.checkpoint = checkpoint
        """Every record up to this sequence number was processed, discarded or filtered out."""
        self._config = config
        self._backoff = backoff or Backoff()
        self.last_fed = checkpoint or None
        """The sequence number to read after: that of the last record fed, or the checkpoint."""
        self._gathered: deque[tuple[StreamRecord, float]] = deque()
        self._pending: deque[_Batch] = deque()
        self._filtered_after: dict[str, str] = {}
        self._discard: Discard | None = None
        self._in_flight = False
        self._failures_in_a_row = 0
        self._not_before_s = -inf

    @property
    def buffered(self) -> int:
        """How many records passed the filter and are neither delivered nor discarded yet."""
        return sum(1 for _ in self._unfinished())

    @property
    def retries(self) -> int:
        """The retries used by the batch at the head of the shard."""
        return self._pending[0].retries if self._pending else 0

    @property
    def oldest_created_at_s(self) -> float | None:
        """When the first unfinished record was created (in Kinesis, when it arrived), in seconds since the epoch."""
        return next((record.created_at_s for record in self._unfinished()), None)

    def feed(self, records: Iterable[StreamRecord], now_s: float) -> None:
        """Add records in shard order. Records up to the last one fed are ignored, so you may read them again."""
        for record in records:
            if self.last_fed is not None and int(record.sequence_number) <= int(self.last_fed):
                continue
            self.last_fed = record.sequence_number
            if self._config.filters.accepts(record.event):
                self._gathered.append((record, now_s))
            else:
                self._skip(record)

    def next_action(self, now_s: float) -> Action:
        """What to do now. An `Invoke` is returned once; a `Discard` is returned until you acknowledge it."""
        if self._in_flight:
            return Idle()
        if self._discard is None and not self._pending:
            self._gather(now_s)
        if self._discard is None and self._pending:
            self._discard_old(now_s)
        if self._discard is not None:
            return self._discard
        if not self._pending:
            return Wait(self._window_end_s()) if self._gathered else Idle()
        if now_s < self._not_before_s:
            return Wait(min(self._not_before_s, *map(self._expires_at_s, self._pending[0].records)))
        self._in_flight = True
        return Invoke(self._pending[0].records)

    def invoked(self, outcome: Invoked | NotInvoked, now_s: float) -> None:
        """Report the outcome of the last `Invoke`.

        Raises:
            RuntimeError: `next_action` has not returned an `Invoke` since the last report.
        """
        if not self._in_flight:
            raise RuntimeError("no invocation is in progress on this shard")
        self._in_flight = False
        batch = self._pending.popleft()
        if isinstance(outcome, NotInvoked):
            self.counts.throttles += 1
            self._pending.appendleft(replace(batch, has_failed=True))
            self._back_off(now_s)
            return
        self.counts.invocations += 1
        self._settle(replace(batch, invoke_count=batch.invoke_count + 1, last=outcome), outcome, now_s)

    def discarded(self) -> None:
        """Acknowledge that the last `Discard` has reached the destination, or that there is no destination.

        Raises:
            RuntimeError: there is no discard to acknowledge.
        """
        if self._discard is None:
            raise RuntimeError("there is no discard to acknowledge on this shard")
        self.counts.discarded += len(self._discard.records)
        self._finish(self._discard.records)
        self._discard = None
        self._reset_backoff()

    def _settle(self, batch: _Batch, outcome: Invoked, now_s: float) -> None:
        result = batch_result(
            outcome,
            [record.sequence_number for record in batch.records],
            reports_item_failures=self._config.reports_item_failures,
        )
        done, rest = batch.records[: result.done], batch.records[result.done :]
        self.counts.delivered += len(done)
        self._finish(done)
        if done:
            self._reset_backoff()
        if not rest:
            return
        self.counts.failures += 1
        self._back_off(now_s)
        remaining = replace(batch, records=rest, has_failed=True)
        if self._config.bisects_on_error and done:
            self._pending.appendleft(remaining)
        elif self._config.bisects_on_error and result.is_complete_failure and len(rest) > 1:
            middle = len(rest) // 2
            halves = replace(remaining, records=rest[middle:]), replace(remaining, records=rest[:middle])
            self._pending.extendleft(halves)
        elif self._config.retry_attempts_max == INFINITE or batch.retries < self._config.retry_attempts_max:
            self._pending.appendleft(replace(remaining, retries=batch.retries + 1))
        else:
            self._start_discard(remaining, Condition.RETRY_ATTEMPTS_EXHAUSTED)

    def _gather(self, now_s: float) -> None:
        """Form the next batch if it is full or its window, which starts when its first record is fed, has elapsed."""
        if not self._gathered:
            return
        size = self._config.batch_size
        count = payload_prefix([record for record, _ in islice(self._gathered, size)], size)
        if count == size or count < len(self._gathered) or now_s >= self._window_end_s():
            self._pending.append(_Batch(tuple(self._gathered.popleft()[0] for _ in range(count))))

    def _window_end_s(self) -> float:
        return self._gathered[0][1] + self._config.batching_window_s

    def _discard_old(self, now_s: float) -> None:
        """Discard the expired records at the start of the first batch; otherwise cut it before the first one."""
        batch = self._pending[0]
        too_old = [now_s >= self._expires_at_s(record) for record in batch.records]
        if True not in too_old:
            return
        cut = too_old.index(not too_old[0]) if False in too_old else len(too_old)
        first, rest = replace(batch, records=batch.records[:cut]), replace(batch, records=batch.records[cut:])
        self._pending.popleft()
        if rest.records:
            self._pending.appendleft(rest)
        if too_old[0]:
            self._start_discard(first, Condition.RECORD_AGE_EXCEEDED)
        else:
            self._pending.appendleft(first)

    def _expires_at_s(self, record: StreamRecord) -> float:
        limit_s = inf if self._config.record_age_max_s == INFINITE else self._config.record_age_max_s
        if self._pending and self._pending[0].has_failed:
            limit_s = min(limit_s, self._config.retention_s)
        return record.created_at_s + limit_s

    def _start_discard(self, batch: _Batch, condition: Condition) -> None:
        self._discard = Discard(batch.records, condition, batch.invoke_count, batch.last)

    def _skip(self, record: StreamRecord) -> None:
        """A record that is filtered out is done when every record before it is done."""
        self.counts.filtered += 1
        last = self._last_unfinished()
        if last is None:
            self.checkpoint = record.sequence_number
        else:
            self._filtered_after[last.sequence_number] = record.sequence_number

    def _finish(self, records: Sequence[StreamRecord]) -> None:
        for record in records:
            self.checkpoint = self._filtered_after.pop(record.sequence_number, record.sequence_number)

    def _back_off(self, now_s: float) -> None:
        self._failures_in_a_row += 1
        self._not_before_s = now_s + self._backoff.delay_s(self._failures_in_a_row)

    def _reset_backoff(self) -> None:
        self._failures_in_a_row = 0
        self._not_before_s = -inf

    def _unfinished(self) -> Iterable[StreamRecord]:
        """The records in shard order: those to discard, those in batches, and those not yet in a batch."""
        yield from self._discard.records if self._discard else ()
        for batch in self._pending:
            yield from batch.records
        for record, _ in self._gathered:
            yield record

    def _last_unfinished(self) -> StreamRecord | None:
        if self._gathered:
            return self._gathered[-1][0]
        if self._pending:
            return self._pending[-1].records[-1]
        return self._discard.records[-1] if self._discard else None
