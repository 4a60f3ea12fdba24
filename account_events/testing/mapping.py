"""A stream delivered to a handler as Lambda's event source mapping delivers it, in milliseconds.

The rules are those of `account_events.lambda_mapping`, which cites AWS's documents: order in each shard, parents before
children, the lowest reported record as checkpoint, whole batches again after an error, bisecting, bounded retries. Time
is virtual: no retry waits.
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
from account_events.testing.plan import Batch, Duplicates, check_delivered, check_something_is_due, planned
from account_events.testing.record_stream import Damage, RecordStream
from account_events.testing.records import StreamRecord, created_at_s, is_of_kinesis, number_of
from account_events.testing.replayed import Delivery, Replayed, Settings
from account_events.testing.table_stream import as_stream

if TYPE_CHECKING:
    from account_events.testing.kinesis import MemoryKinesis

Handler = Callable[[dict[str, Any], Any], Any]
"""A Lambda function's: `handler(event, context) -> response`."""


class Options(TypedDict, total=False):
    """The options of `replay` that say what happens to a stream on its way, and not which handler gets it."""

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
    """Deliver all of a stream to a handler. Records whose delivery fails are delivered again.

    A handler's environment dies where the handler, or a fake that it calls, raises `Died`; and where `crash_after_call`
    and `crash_after_put` say so. With `new_handler`, a new environment then takes its place.

    Args:
        stream: what to replay.
        handler: the handler; the same one after its environment has died.
        new_handler: instead of `handler`: makes the handler of a new execution environment. Each shard has an
            environment of its own, and gets another one when that has died.
        kinesis: what the handler puts to; all its ordered faults have to happen.
        batch_sizes: how many records at a time, in turn, from the start again when they are used up.
        duplicates: which batches come twice, by number, from 1; or "all".
        overlap: with how many records of the previous batch every batch begins.
        split_after: behind how many records the shard splits in two.
        poison: by position, from 0: how to damage that record.
        crash_after_call: after which invocations, counted from 1, the handler's environment dies: the handler has
            returned, and Lambda never sees the response.
        crash_after_put: after which puts to `kinesis`, counted from 1 among those that take anything, the handler's
            environment dies without having seen the response.
        settings: of the mapping.

    Raises:
        BadReplay: the arguments contradict each other, something that was ordered never happened, or the filters let
            nothing through.
        AssertionError: records were given up, and `settings` does not allow that.
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
    check_something_is_due(replayed_stream, due)
    replayed = Replayed(replayed_stream, due)
    with nullcontext() if kinesis is None else kinesis.replaying(puts):
        _Mapping(_environments(handler, new_handler), plan, replayed, options, mapping, kinesis, calls).run()
    if calls and max(calls) > (reached := len(replayed.deliveries)):
        raise BadReplay(f"there was no call {max(calls)} to crash after: {reached} in all reached the handler")
    check_delivered(replayed_stream, (number for batch in replayed.batches for number in batch))
    return replayed


def remainder(batch: Sequence[StreamRecord], response: object) -> Sequence[StreamRecord]:
    """The records of a batch that Lambda delivers again after this response."""
    numbers = [number_of(record) for record in batch]
    return batch[batch_result(Invoked(response), numbers, reports_item_failures=True).done :]


def _numbers(what: str, given: int | Sequence[int]) -> frozenset[int]:
    numbers = frozenset({given} if isinstance(given, int) else given)
    if numbers and min(numbers) < 1:
        raise BadReplay(f"there is no {what} {min(numbers)} to crash after: they are counted from 1")
    return numbers


def _check_crashes(calls: Collection[int], puts: Collection[int], new_handler: object, kinesis: object) -> None:
    if (calls or puts) and new_handler is None:
        option = "crash_after_put" if puts else "crash_after_call"
        raise BadReplay(f"{option} needs new_handler: who dies cannot go on, and forgets everything")
    if puts and kinesis is None:
        raise BadReplay("crash_after_put needs kinesis, to which the handler puts")


def _environments(handler: Handler | None, new_handler: Callable[[], Handler] | None) -> Callable[[], Handler]:
    if (handler is None) == (new_handler is None):
        raise BadReplay("pass either a handler or new_handler, which makes one")
    return new_handler or (lambda: handler)  # type: ignore[return-value]  # one of the two is there


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
        """Shard by shard, children after their parents; shards that may be read take turns, a batch each."""
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
        """One batch, until nothing of it is left."""
        state = ShardState(self.config)
        records = [_mapped(record) for record in batch]
        # The retention counts from here: how old a recording is does not matter.
        now_s = min(record.created_at_s for record in records)
        state.feed(records, now_s)
        while state.buffered:
            match state.next_action(now_s):
                case Invoke(some):
                    state.invoked(self._invoke(shard_id, [record.event for record in some]), now_s)
                case Discard(some):
                    self._give_up([dict(record.event) for record in some])
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
            # As over the wire: the handler may change what it gets, and must return what JSON can express.
            result = json.loads(json.dumps(handler(json.loads(json.dumps({"Records": records})), context)))
        except (Exception, Died) as raised:  # noqa: BLE001 -- whatever a handler raises is Lambda's function error
            error = raised
        if self.kinesis is not None and self.kinesis.new_caller():
            error = error if isinstance(error, Died) else Died("it went on after its death")
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

    def _give_up(self, records: Sequence[StreamRecord]) -> None:
        self.replayed.discarded += records
        if self.settings.discards_allowed:
            return
        last = self.replayed.deliveries[-1]
        why = f"it raised {last.error!r}" if last.error else f"it returned {last.result!r}"
        raise AssertionError(
            f"given up, never handled: {len(records)} records from {number_of(records[0])} on, after "
            f"{self.settings.retries_max} retries; at the last attempt {why}"
        ) from last.error


def _mapped(record: StreamRecord) -> MappedRecord:
    """Some records that tests make cannot be UTF-8, and some captured ones have no time."""
    return MappedRecord(number_of(record), created_at_s(record), record, len(json.dumps(record)))
