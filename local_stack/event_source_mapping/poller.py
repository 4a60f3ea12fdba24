"""The event poller: passes over the shards of one stream. No thread and no waiting of its own."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.filters import SourceKind
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.retry import Backoff
from account_events.lambda_mapping.shard import Counts, Discard, Invoke, ShardState, Wait
from account_events.streams.lineage import readable_shards
from account_events.streams.reader import ShardReader
from account_events.streams.source import LATEST, TRIM_HORIZON, Position, at_time
from local_stack.event_source_mapping.delivery import Delivery
from local_stack.event_source_mapping.status import ShardStatus

logger = logging.getLogger(__name__)

# "Using AWS Lambda with Amazon DynamoDB": shards are polled "at a base rate of 4 times per second"; "Using Lambda to
# process records from Amazon Kinesis Data Streams": "of once per second".
POLL_INTERVAL_S: Mapping[SourceKind, float] = {"dynamodb": 0.25, "kinesis": 1.0}
# Kinesis API reference, GetRecords: 5 transactions per second and shard; also where it gives nothing because of a gap.
READ_INTERVAL_S: Mapping[SourceKind, float] = {"dynamodb": 0.0, "kinesis": 0.2}
# Ours: how often new shards are looked for while none has ended.
LIST_INTERVAL_S = 1.0
LOGGED_ANSWER_MAX = 500
# Ours: the pause after a pass in which reading, listing or writing to the destination failed.
ERROR_BACKOFF = Backoff(initial_s=0.25, factor=2.0, limit_s=5.0)


@dataclass
class _Held:
    """A shard being read; `is_ended` once no more records will follow."""

    state: ShardState
    start: Position
    is_ended: bool = False
    behind_ms: int = 0


class EventPoller:
    """Reads, feeds the shards' state machines, and carries out one action of each shard per pass.

    Shards take turns in one thread, where AWS has one poller per shard: a slow invocation delays the other shards here.
    `run_cycle` is for one thread; everything else may be called from any.
    """

    def __init__(
        self,
        config: MappingConfig,
        reader: ShardReader,
        delivery: Delivery,
        *,
        clock: Callable[[], float],
        backoff: Backoff | None = None,
        resume_after: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config
        self._reader = reader
        self._delivery = delivery
        self._clock = clock
        self._backoff = backoff
        self._resume_after = dict(resume_after or {})
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._finished: set[str] = set()
        self._finished_count = 0
        self._finished_totals = Counts()
        self._has_listed = False
        self._list_due_s = 0.0
        self._is_busy = False
        self._is_reading = True
        self._read_due_s = 0.0
        self._next_due_s = 0.0
        self._errors_in_a_row = 0
        self.errors = 0
        self.last_error: str | None = None

    def run_cycle(self, *, list_shards: bool = False) -> float:
        """List shards if that is due (or asked for), then read, if it is due, and act once on every readable shard.

        All shards are read in the same passes, so that there are passes that have seen all of them.
        Never raises: a fault is logged, counted in `errors`, kept in `last_error`, and slows the next pass down.

        Returns:
            Seconds to wait before the next pass; 0 while there is work.
        """
        errors_before = self.errors
        kind = self._config.source_kind
        self._is_busy = False
        self._is_reading = self._clock() >= self._read_due_s
        self._next_due_s = self._clock() + POLL_INTERVAL_S[kind] if self._is_reading else self._read_due_s
        if list_shards or self._clock() >= self._list_due_s:
            self._guarded("listing shards", self._list)
        for shard_id in tuple(self._held):
            self._guarded(f"shard {shard_id}", partial(self._step, shard_id))
        if self._is_reading:
            self._read_due_s = self._clock() + READ_INTERVAL_S[kind]
        if self.errors > errors_before:
            self._errors_in_a_row += 1
            return ERROR_BACKOFF.delay_s(self._errors_in_a_row)
        self._errors_in_a_row = 0
        return 0.0 if self._is_busy else max(0.0, self._next_due_s - self._clock())

    def is_idle(self) -> bool:
        """Whether the last pass saw no fault, read every shard, found nothing new, did nothing and left nothing."""
        with self._lock:
            return (
                self._has_listed
                and not self._is_busy
                and self._is_reading
                and not self._errors_in_a_row
                and not any(held.state.buffered for held in self._held.values())
            )

    def shards(self) -> tuple[ShardStatus, ...]:
        """The shards being read, as they are now."""
        now_s = self._clock()
        with self._lock:
            return tuple(_status(shard_id, held, now_s) for shard_id, held in self._held.items())

    def finished_shards(self) -> int:
        """How many shards were read to their end and are fully processed."""
        return self._finished_count

    def totals(self) -> Counts:
        """The counts of all shards, finished or not."""
        with self._lock:
            totals = replace(self._finished_totals)
            for held in self._held.values():
                _add(totals, held.state.counts)
            return totals

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # the loop must outlive any fault: it is logged, counted and shown
            logger.exception("Event source mapping %s: %s failed", self._config.uuid, what)
            self.errors += 1
            self.last_error = f"{what}: {type(error).__name__}: {error}"

    def _list(self) -> None:
        listed = self._reader.shards()
        listed_ids = {shard.shard_id for shard in listed}
        is_latest = self._config.starting_position == "LATEST" and not self._has_listed
        with self._lock:
            self._finished &= listed_ids
            if is_latest:
                self._finished |= {shard.shard_id for shard in listed if shard.closed}
            for shard_id in readable_shards(listed, finished=self._finished, unfinished=self._held.keys()):
                if shard_id not in self._held:
                    state = ShardState(self._config, backoff=self._backoff, checkpoint=self._resume_after.get(shard_id))
                    self._held[shard_id] = _Held(state, self._start(is_latest=is_latest))
            self._has_listed = True
        self._list_due_s = self._clock() + LIST_INTERVAL_S

    def _start(self, *, is_latest: bool) -> Position:
        """Shards that come later are read whole; a timestamp is the same for all, whenever they come."""
        if self._config.starts_at_s is not None:
            return at_time(self._config.starts_at_s)
        return LATEST if is_latest else TRIM_HORIZON

    def _step(self, shard_id: str) -> None:
        held = self._held[shard_id]
        if self._is_reading and not held.is_ended and held.state.buffered < self._config.batch_size:
            self._read(shard_id, held)
        with self._lock:
            action = held.state.next_action(self._clock())
        if isinstance(action, Invoke):
            self._invoke(shard_id, held, action)
        elif isinstance(action, Discard):
            self._discard(shard_id, held, action)
        elif isinstance(action, Wait):
            self._next_due_s = min(self._next_due_s, action.until_s)
        if held.is_ended and not held.state.buffered:
            self._finish(shard_id, held)

    def _read(self, shard_id: str, held: _Held) -> None:
        read = self._reader.read(shard_id, held.state.last_fed, held.start)
        with self._lock:
            held.state.feed(read.records, self._clock())
            held.is_ended = read.ended
            held.behind_ms = read.behind_ms
            self._is_busy |= bool(read.records) or read.behind_ms > 0

    def _invoke(self, shard_id: str, held: _Held, action: Invoke) -> None:
        self._is_busy = True
        outcome: Invoked | NotInvoked = NotInvoked("the stand-in failed before the answer was read")
        try:
            outcome = self._delivery.invoke(action.records)
        finally:
            with self._lock:
                failures = held.state.counts.failures
                held.state.invoked(outcome, self._clock())
                has_failed = held.state.counts.failures > failures
        if isinstance(outcome, NotInvoked):
            logger.warning("%s: not invoked with %d records: %s", shard_id, len(action.records), outcome.reason)
        elif has_failed:
            answer = f"{outcome.function_error or 'reported'}: {outcome.result}"[:LOGGED_ANSWER_MAX]
            logger.warning("%s: invocation with %d records failed, %s", shard_id, len(action.records), answer)

    def _discard(self, shard_id: str, held: _Held, action: Discard) -> None:
        self._is_busy = True
        where = self._delivery.discard(shard_id, action, self._clock())
        with self._lock:
            held.state.discarded()
        first, last = action.records[0].sequence_number, action.records[-1].sequence_number
        logger.error(
            "%s: discarded %d records (%s to %s), %s, to %s",
            *(shard_id, len(action.records), first, last, action.condition.value, where or "nowhere"),
        )

    def _finish(self, shard_id: str, held: _Held) -> None:
        with self._lock:
            del self._held[shard_id]
            self._finished.add(shard_id)
            self._finished_count += 1
            _add(self._finished_totals, held.state.counts)
        self._list_due_s = 0.0
        self._is_busy = True


def _status(shard_id: str, held: _Held, now_s: float) -> ShardStatus:
    state, oldest_s = held.state, held.state.oldest_created_at_s
    return ShardStatus(
        shard_id=shard_id,
        checkpoint=state.checkpoint,
        buffered=state.buffered,
        iterator_age_ms=held.behind_ms if oldest_s is None else max(0, round((now_s - oldest_s) * 1000)),
        retries=state.retries,
        counts=replace(state.counts),
    )


def _add(totals: Counts, more: Counts) -> None:
    for name, value in asdict(more).items():
        setattr(totals, name, getattr(totals, name) + value)
