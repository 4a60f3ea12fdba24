"""The event poller: runs poll cycles over the shards of one stream. It starts no thread and never waits."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.lanes import ShardLanes
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.retry import Backoff
from account_events.lambda_mapping.shard import Counts, Discard, Invoke, ShardState, Wait
from account_events.streams.lineage import readable_shards
from account_events.streams.reader import ShardReader
from account_events.streams.source import LATEST, TRIM_HORIZON, Position, at_time
from local_stack.event_source_mapping.delivery import Delivery
from local_stack.event_source_mapping.poll_rate import POLL_RATES, PollRate
from local_stack.event_source_mapping.status import ShardStatus

logger = logging.getLogger(__name__)

# Ours: how often shards are listed while none has ended.
LIST_INTERVAL_S = 1.0
LOGGED_ANSWER_MAX = 500
# Ours: the pause after a cycle in which reading, listing or writing to the destination failed.
ERROR_BACKOFF = Backoff(initial_s=0.25, factor=2.0, limit_s=5.0)


@dataclass
class _OpenShard:
    """A shard being read. `is_ended` is true once no more records will follow."""

    state: ShardLanes
    start: Position
    is_ended: bool = False
    behind_ms: int = 0


class EventPoller:
    """Reads the shards, feeds their state machines, and carries out one action of each shard's lanes per cycle.

    AWS has one poller per shard. Here, shards and their lanes take turns in one thread, so a slow invocation delays the
    others.
    Call `run_cycle` from one thread only; all other methods are thread-safe.
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
        rate: PollRate | None = None,
    ) -> None:
        self._config = config
        self._rate = rate or POLL_RATES[config.source_kind]
        self._reader = reader
        self._delivery = delivery
        self._clock = clock
        self._backoff = backoff
        self._resume_after = dict(resume_after or {})
        self._lock = threading.Lock()
        self._open_shards: dict[str, _OpenShard] = {}
        self._finished: set[str] = set()
        self._finished_count = 0
        self._finished_totals = Counts()
        self._has_listed = False
        self._list_due_s = 0.0
        self._is_busy = False
        self._is_reading = True
        self._is_behind = False
        self._read_due_s = 0.0
        self._next_due_s = 0.0
        self._errors_in_a_row = 0
        self.errors = 0
        self.last_error: str | None = None

    def run_cycle(self, *, list_shards: bool = False) -> float:
        """Run one cycle: list the shards if it is time to, or if asked; then read and act once on every open shard.

        A cycle reads either every shard that has space in its buffer, or none if the last read was too recent. It never
        raises: a fault is logged, counted in `errors`, stored in `last_error`, and delays the next cycle.

        Returns:
            Seconds to wait before the next cycle; 0 while there is work.
        """
        errors_before = self.errors
        begun_s = self._clock()
        self._is_busy = self._is_behind = False
        self._is_reading = begun_s >= self._read_due_s
        self._next_due_s = self._clock() + self._rate.interval_s if self._is_reading else self._read_due_s
        if list_shards or self._clock() >= self._list_due_s:
            self._guarded("listing shards", self._list)
        for shard_id in tuple(self._open_shards):
            self._guarded(f"shard {shard_id}", partial(self._step, shard_id))
        if self._is_reading:
            self._read_due_s = self._rate.next_read_s(begun_s, self._clock(), is_behind=self._is_behind)
        if self.errors > errors_before:
            self._errors_in_a_row += 1
            return ERROR_BACKOFF.delay_s(self._errors_in_a_row)
        self._errors_in_a_row = 0
        return 0.0 if self._is_busy else max(0.0, self._next_due_s - self._clock())

    def is_idle(self) -> bool:
        """Whether the last cycle had no fault, read every shard, found no records, took no action and left no work."""
        with self._lock:
            return (
                self._has_listed
                and not self._is_busy
                and self._is_reading
                and not self._errors_in_a_row
                and not any(shard.state.buffered for shard in self._open_shards.values())
            )

    def shards(self) -> tuple[ShardStatus, ...]:
        """Return the current status of every shard being read."""
        now_s = self._clock()
        with self._lock:
            return tuple(_status(shard_id, shard, now_s) for shard_id, shard in self._open_shards.items())

    def finished_shards(self) -> int:
        """Return the number of shards that ended and are fully processed."""
        return self._finished_count

    def totals(self) -> Counts:
        """Return the total counts of all shards, finished or not."""
        with self._lock:
            totals = replace(self._finished_totals)
            for shard in self._open_shards.values():
                totals.add(shard.state.counts)
            return totals

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # the loop must survive any fault: it is logged, counted and shown
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
            for shard_id in readable_shards(listed, finished=self._finished, unfinished=self._open_shards.keys()):
                if shard_id not in self._open_shards:
                    state = ShardLanes(self._config, backoff=self._backoff, checkpoint=self._resume_after.get(shard_id))
                    self._open_shards[shard_id] = _OpenShard(state, self._start(is_latest=is_latest))
            self._has_listed = True
        self._list_due_s = self._clock() + LIST_INTERVAL_S

    def _start(self, *, is_latest: bool) -> Position:
        """Where to begin reading. LATEST applies only to shards of the first list; a timestamp applies to all."""
        if self._config.starts_at_s is not None:
            return at_time(self._config.starts_at_s)
        return LATEST if is_latest else TRIM_HORIZON

    def _step(self, shard_id: str) -> None:
        shard = self._open_shards[shard_id]
        buffered_max = self._config.batch_size * self._config.parallelization_factor
        if self._is_reading and not shard.is_ended and shard.state.buffered < buffered_max:
            self._read(shard_id, shard)
        for lane in shard.state.lanes:
            self._guarded(f"shard {shard_id}", partial(self._act, shard_id, lane))
        if shard.is_ended and not shard.state.buffered:
            self._finish(shard_id, shard)

    def _act(self, shard_id: str, lane: ShardState) -> None:
        with self._lock:
            action = lane.next_action(self._clock())
        if isinstance(action, Invoke):
            self._invoke(shard_id, lane, action)
        elif isinstance(action, Discard):
            self._discard(shard_id, lane, action)
        elif isinstance(action, Wait):
            self._next_due_s = min(self._next_due_s, action.until_s)

    def _read(self, shard_id: str, shard: _OpenShard) -> None:
        read = self._reader.read(shard_id, shard.state.last_fed, shard.start)
        with self._lock:
            shard.state.feed(read.records, self._clock())
            shard.is_ended = read.ended
            shard.behind_ms = read.behind_ms
            self._is_busy |= bool(read.records) or read.behind_ms > 0
            self._is_behind |= read.behind_ms > 0

    def _invoke(self, shard_id: str, lane: ShardState, action: Invoke) -> None:
        self._is_busy = True
        outcome: Invoked | NotInvoked = NotInvoked("the fake event source mapping failed before it read the response")
        try:
            outcome = self._delivery.invoke(action.records)
        finally:
            with self._lock:
                failures = lane.counts.failures
                lane.invoked(outcome, self._clock())
                has_failed = lane.counts.failures > failures
        if isinstance(outcome, NotInvoked):
            logger.warning("%s: not invoked with %d records: %s", shard_id, len(action.records), outcome.reason)
        elif has_failed:
            answer = f"{outcome.function_error or 'reported'}: {outcome.result}"[:LOGGED_ANSWER_MAX]
            logger.warning("%s: invocation with %d records failed, %s", shard_id, len(action.records), answer)

    def _discard(self, shard_id: str, lane: ShardState, action: Discard) -> None:
        self._is_busy = True
        where = self._delivery.discard(shard_id, action, self._clock())
        with self._lock:
            lane.discarded()
        first, last = action.records[0].sequence_number, action.records[-1].sequence_number
        logger.error(
            "%s: discarded %d records (%s to %s), %s; destination: %s",
            *(shard_id, len(action.records), first, last, action.condition.value, where or "none"),
        )

    def _finish(self, shard_id: str, shard: _OpenShard) -> None:
        with self._lock:
            del self._open_shards[shard_id]
            self._finished.add(shard_id)
            self._finished_count += 1
            self._finished_totals.add(shard.state.counts)
        self._list_due_s = 0.0
        self._is_busy = True


def _status(shard_id: str, shard: _OpenShard, now_s: float) -> ShardStatus:
    state, oldest_s = shard.state, shard.state.oldest_created_at_s
    return ShardStatus(
        shard_id=shard_id,
        checkpoint=state.checkpoint,
        buffered=state.buffered,
        iterator_age_ms=shard.behind_ms if oldest_s is None else max(0, round((now_s - oldest_s) * 1000)),
        retries=state.retries,
        counts=state.counts,
    )
