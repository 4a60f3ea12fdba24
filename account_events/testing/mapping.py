"""Delivers a stream to a handler like Lambda's event source mapping, in milliseconds.

The rules are those of `account_events.lambda_mapping`, which cites AWS's documentation: each shard in order, parents
before children, the lowest reported record as the checkpoint, the whole batch again after an error, bisecting, and
bounded retries. Time is virtual, so retries do not wait.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.outcome import Invoked, batch_result
from account_events.lambda_mapping.records import StreamRecord as MappedRecord
from account_events.lambda_mapping.shard import Discard, Invoke, ShardState, Wait
from account_events.streams.lineage import Shard, readable_shards
from account_events.testing.context import Context, Died
from account_events.testing.errors import BadReplay
from account_events.testing.plan import Batch, Duplicates, check_any_record_is_due, check_delivered, planned
from account_events.testing.record_stream import Damage, RecordStream
from account_events.testing.records import StreamRecord, created_at_s, is_of_kinesis, number_of
from account_events.testing.replayed import Delivery, Replayed, Settings
from account_events.testing.table_stream import as_stream

if TYPE_CHECKING:
    from account_events.testing.kinesis import MemoryKinesis

Handler = Callable[[dict[str, Any], Any], Any]
"""A Lambda handler: `handler(event, context) -> response`."""


class Options(TypedDict, total=False):
    """The options of `replay` that change the delivery of a stream."""

    batch_sizes: int | Sequence[int]
    duplicates: Duplicates
    overlap: int
    split_after: int | None
    poison: Mapping[int, Damage] | None
    crash_after_call: int | Sequence[int]
    crash_after_put: int | Sequence[int]
    settings: Settings | None


def replay(
    stream: RecordStream | Sequence[StreamRecord],
    handler: Handler | None = None,
    *,
    new_handler: Callable[[], Handler] | None = None,
    kinesis: "MemoryKinesis | None" = None,
    batch_sizes: int | Sequence[int] = 100,
    duplicates: Duplicates = (),
    overlap: int = 0,
    split_after: int | None = None,
    poison: Mapping[int, Damage] | None = None,
    crash_after_call: int | Sequence[int] = (),
    crash_after_put: int | Sequence[int] = (),
    settings: Settings | None = None,
) -> Replayed:
    """Deliver a whole stream to a handler. Records whose delivery fails are delivered again.

    A handler's environment dies if the handler, or a fake that it calls, raises `Died`, or if `crash_after_call` or
    `crash_after_put` requests it. With `new_handler`, a new environment then replaces it.

    Args:
        stream: the stream to deliver.
        handler: the handler. If its environment dies, the same handler is called again.
        new_handler: instead of `handler`: makes the handler of a new execution environment. Each shard has its own
            environment, and gets a new one when that dies.
        kinesis: the fake that the handler puts to. Every fault that was requested of it must happen.
        batch_sizes: the sizes of the batches in turn; after the last one, the first follows again.
        duplicates: the numbers, from 1, of the batches that are delivered twice; or "all".
        overlap: how many records of the previous batch every batch repeats at its start.
        split_after: after how many records the shard splits in two.
        poison: by the position of a record, from 0, the function that damages it.
        crash_after_call: the numbers, from 1, of the invocations after which the environment dies. The handler has
            returned, but Lambda never receives the response.
        crash_after_put: the numbers, from 1, of the puts to `kinesis` after which the environment dies, among those
            that accept entries. The handler never receives the response.
        settings: the mapping's settings.

    Raises:
        BadReplay: the arguments contradict each other, a requested fault did not happen, or the filters accept no
            record.
        AssertionError: records were discarded, and `settings` does not allow that.
    """
    replayed_stream = as_stream(stream)
    for position, damage in (poison or {}).items():
        replayed_stream = replayed_stream.poisoned(position, damage)
    if split_after is not None:
        replayed_stream = replayed_stream.split(split_after)
    options = settings or Settings()
    mapping = options.mapping("kinesis" if any(map(is_of_kinesis, replayed_stream.records)) else "dynamodb")
    accepts = mapping.filters.accepts
    plan = planned(replayed_stream, batch_sizes, duplicates, overlap, accepts)
    calls, puts = _numbers("call", crash_after_call), _numbers("put", crash_after_put)
    _check_crashes(calls, puts, new_handler, kinesis)
    due = frozenset(number_of(record) for record in replayed_stream.records if accepts(record))
    check_any_record_is_due(replayed_stream, due)
    replayed = Replayed(replayed_stream, due)
    with nullcontext() if kinesis is None else kinesis.replaying(puts):
        _Mapping(_environments(handler, new_handler), plan, replayed, options, mapping, kinesis, calls).run()
    if calls and max(calls) > (reached := len(replayed.deliveries)):
        times = "once" if reached == 1 else f"{reached} times"
        raise BadReplay(f"crash_after_call={max(calls)}: the handler was called only {times}")
    check_delivered(replayed_stream, (number for batch in replayed.batches for number in batch))
    return replayed


def remainder(batch: Sequence[StreamRecord], response: object) -> Sequence[StreamRecord]:
    """The records of a batch that Lambda redelivers after this response."""
    numbers = [number_of(record) for record in batch]
    return batch[batch_result(Invoked(response), numbers, reports_item_failures=True).done :]


def _numbers(what: str, given: int | Sequence[int]) -> frozenset[int]:
    numbers = frozenset({given} if isinstance(given, int) else given)
    if numbers and min(numbers) < 1:
        raise BadReplay(f"there is no {what} {min(numbers)} to crash after: {what}s are counted from 1")
    return numbers


def _check_crashes(calls: Collection[int], puts: Collection[int], new_handler: object, kinesis: object) -> None:
    if (calls or puts) and new_handler is None:
        option = "crash_after_put" if puts else "crash_after_call"
        raise BadReplay(f"{option} needs new_handler: a handler that dies must be replaced by a new one")
    if puts and kinesis is None:
        raise BadReplay("crash_after_put needs kinesis, the fake that the handler puts to")


def _environments(handler: Handler | None, new_handler: Callable[[], Handler] | None) -> Callable[[], Handler]:
    if (handler is None) == (new_handler is None):
        raise BadReplay("pass either handler or new_handler")
    return new_handler or (lambda: handler)  # type: ignore[return-value]  # not None without new_handler


@dataclass
class _Mapping:
    """The event source mapping, for one replay."""

    new_handler: Callable[[], Handler]
    plan: Mapping[str, Sequence[Batch]]
    replayed: Replayed
    settings: Settings
    config: MappingConfig
    kinesis: "MemoryKinesis | None"
    crash_after: frozenset[int]
    environments: dict[str, tuple[int, Handler]] = field(default_factory=dict)
    started: int = 0

    def run(self) -> None:
        """Deliver all shards, children after their parents. Readable shards take turns, one batch each."""
        shards = [Shard(shard.shard_id, shard.parent_id) for shard in self.replayed.stream.shards]
        waiting = {shard_id: list(batches) for shard_id, batches in self.plan.items()}
        finished: set[str] = set()
        while readable := readable_shards(shards, finished=finished):
            for shard_id in readable:
                if waiting[shard_id]:
                    self._deliver(shard_id, waiting[shard_id].pop(0))
                else:
                    finished.add(shard_id)

    def _deliver(self, shard_id: str, batch: Batch) -> None:
        """Deliver one batch until all its records are done."""
        state = ShardState(self.config)
        records = [_mapped(record) for record in batch]
        # The retention starts here, so the age of a recording does not matter.
        now_s = min(record.created_at_s for record in records)
        state.feed(records, now_s)
        while state.buffered:
            match state.next_action(now_s):
                case Invoke(some):
                    state.invoked(self._invoke(shard_id, [record.event for record in some]), now_s)
                case Discard(some):
                    self._discard([dict(record.event) for record in some])
                    state.discarded()
                case Wait(until_s):
                    now_s = until_s

    def _invoke(self, shard_id: str, records: Sequence[Mapping[str, Any]]) -> Invoked:
        environment, handler = self._environment(shard_id)
        numbers = tuple(number_of(dict(record)) for record in records)
        deliveries = self.replayed.deliveries
        context = Context(f"invocation-{len(deliveries) + 1}", self.settings.remaining_ms)
        result: Any = None
        error: BaseException | None = None
        try:
            # As in Lambda, the handler gets its own copy of the event and must return a JSON value.
            result = json.loads(json.dumps(handler(json.loads(json.dumps({"Records": records})), context)))
        except (Exception, Died) as raised:  # noqa: BLE001 -- any exception is a function error in Lambda
            error = raised
        if self.kinesis is not None and self.kinesis.new_caller():
            error = error if isinstance(error, Died) else Died("the handler continued after its environment had died")
        if len(deliveries) + 1 in self.crash_after:
            error = Died(f"after call {len(deliveries) + 1}")
        if isinstance(error, Died):
            del self.environments[shard_id]
        outcome = Invoked(result) if error is None else Invoked(function_error="Unhandled")
        done = batch_result(outcome, numbers, reports_item_failures=self.settings.reports_item_failures).done
        deliveries.append(Delivery(shard_id, environment, numbers, result, error, done))
        return outcome

    def _environment(self, shard_id: str) -> tuple[int, Handler]:
        if shard_id not in self.environments:
            self.started += 1
            self.environments[shard_id] = self.started, self.new_handler()
        return self.environments[shard_id]

    def _discard(self, records: Sequence[StreamRecord]) -> None:
        self.replayed.discarded += records
        if self.settings.discards_allowed:
            return
        last = self.replayed.deliveries[-1]
        why = f"the handler raised {last.error!r}" if last.error else f"the handler returned {last.result!r}"
        first = number_of(records[0])
        which = (
            f"1 record, {first}, was" if len(records) == 1 else f"{len(records)} records, beginning with {first}, were"
        )
        raise AssertionError(
            f"{which} discarded without being handled, after "
            f"{self.settings.retries_max} retries; at the last attempt {why}"
        ) from last.error


def _mapped(record: StreamRecord) -> MappedRecord:
    """A stream record for the mapping; tests may make records that are not UTF-8 or have no time."""
    return MappedRecord(number_of(record), created_at_s(record), record, len(json.dumps(record)))
