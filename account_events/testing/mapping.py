"""A table's stream delivered to a handler as Lambda's event source mapping delivers it, in milliseconds.

The rules are those of `account_events.lambda_mapping`, which cites AWS's documents: order in each shard,
 parents before children, the lowest reported record as checkpoint, whole batches again after an error,
bisecting, bounded retries. Time is virtual: no retry waits.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from account_events.lambda_mapping.config import BATCH_SIZE_MAX, MappingConfig
from account_events.lambda_mapping.filters import FilterCriteria
from account_events.lambda_mapping.outcome import Invoked, judge
from account_events.lambda_mapping.records import StreamRecord as MappedRecord
from account_events.lambda_mapping.shard import Discard, Invoke, ShardState, Wait
from account_events.streams.lineage import Shard, readable_shards
from account_events.testing.context import FUNCTION_NAME, Context
from account_events.testing.errors import BadReplay
from account_events.testing.kinesis import Died, MemoryKinesis
from account_events.testing.orders import check_delivered, check_poison, check_something_is_due
from account_events.testing.plan import Batch, Duplicates, planned
from account_events.testing.records import STREAM_ARN, Image, StreamRecord, number_of
from account_events.testing.table_stream import Damage, TableStream, as_stream
from tests.support.arrivals import Arrivals

Handler = Callable[[dict[str, Any], Any], Any]
"""A Lambda function's: `handler(event, context) -> response`."""

RETRIES_MAX = 100
"""As template.yaml has it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One invocation, and what came of it.

    Attributes:
        shard_id: where the records came from.
        environment: the number of the execution environment, from 1.
        sequence_numbers: the records'.
        result: what the handler returned.
        error: what it raised; `Died` where its environment went with it.
    """

    shard_id: str
    environment: int
    sequence_numbers: tuple[str, ...]
    result: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The mapping's, and what the handler finds; see `replay`.

    Attributes:
        poisonous: accounts of which a row is a poison without `poison` having made it one.
    """

    reports_item_failures: bool = True
    bisects_on_error: bool = True
    retries_max: int = RETRIES_MAX
    filter_patterns: Sequence[str] = ()
    remaining_ms: int = 60_000
    discards_allowed: bool = False
    poisonous: Collection[str] = ()

    def mapping(self) -> MappingConfig:
        return MappingConfig(
            uuid="replay",
            stream_arn=STREAM_ARN,
            function_arn=FUNCTION_NAME,
            batch_size=BATCH_SIZE_MAX,
            filters=FilterCriteria.of(self.filter_patterns),
            reports_item_failures=self.reports_item_failures,
            bisects_on_error=self.bisects_on_error,
            retry_attempts_max=self.retries_max,
        )


class Options(TypedDict, total=False):
    """Those of `replay` that say what is done to a stream on its way, and not to whom."""

    batch_sizes: int | Sequence[int]
    duplicates: Duplicates
    overlap: int
    split_after: int | None
    poison: Mapping[int, Damage] | None
    crash_after_put: int | Sequence[int]
    settings: Settings | None


class Replayed(Arrivals):
    """What came of a replay; the assertions are those of `Arrivals`.

    Attributes:
        deliveries: every invocation, in order.
        discarded: the records given up after the last retry.
    """

    def __init__(self, stream: TableStream, kinesis: MemoryKinesis, ledger: Iterable[Image] = ()) -> None:
        super().__init__(stream, kinesis, ledger)
        self.deliveries: list[Delivery] = []
        self.discarded: list[StreamRecord] = []

    @property
    def batches(self) -> list[tuple[str, ...]]:
        """Every delivery's sequence numbers."""
        return [delivery.sequence_numbers for delivery in self.deliveries]


def replay(
    stream: TableStream | Sequence[StreamRecord],
    handler: Handler | None = None,
    *,
    new_handler: Callable[[], Handler] | None = None,
    kinesis: MemoryKinesis,
    ledger: Iterable[Image] = (),
    batch_sizes: int | Sequence[int] = 100,
    duplicates: Duplicates = (),
    overlap: int = 0,
    split_after: int | None = None,
    poison: Mapping[int, Damage] | None = None,
    crash_after_put: int | Sequence[int] = (),
    settings: Settings | None = None,
) -> Replayed:
    """Deliver all of a stream to a handler; what it reports, or dies of, is delivered again.

    Args:
        stream: what to replay.
        handler: the handler, for as long as it lives, and again if it dies.
        new_handler: in its place: makes the handler of a new execution environment. Each shard has an environment of
            its own, and gets another when that has died.
        kinesis: what the handler puts to; its `Fault`s are those of the puts.
        ledger: the table's rows, if the handler reads there what the stream does not tell of.
        batch_sizes: how many records at a time, in turn, from the start again when they are used up.
        duplicates: which batches come twice, by number, from 1; or "all".
        overlap: with how many records of the one before every batch begins.
        split_after: behind how many records the shard splits in two.
        poison: by position, from 0: how to damage that record.
        crash_after_put: after which puts, counted from 1 among those that take anything, the handler's environment dies
            without having seen the answer.
        settings: of the mapping.

    Raises:
        BadReplay: the arguments contradict each other, something that was ordered never came, the stream has a poison
            that nobody ordered, or no event is due at all.
        AssertionError: records were given up, and `settings` does not allow that.
    """
    told = as_stream(stream)
    for position, damage in (poison or {}).items():
        told = told.poisoned(position, damage)
    whole, options = told, settings or Settings()
    if split_after is not None:
        told = told.split(split_after)
    plan = planned(told, batch_sizes, duplicates, overlap, options.mapping().filters.accepts)
    deaths = {crash_after_put} if isinstance(crash_after_put, int) else set(crash_after_put)
    if deaths and new_handler is None:
        raise BadReplay("crash_after_put needs new_handler: who dies cannot go on, and forgets what it knew")
    if deaths and min(deaths) < 1:
        raise BadReplay(f"there is no put {min(deaths)} to crash after: they are counted from 1")
    replayed = Replayed(told, kinesis, ledger)
    check_poison(whole, replayed.expected, options.poisonous)  # whose positions are those that the test knows
    check_something_is_due(told, replayed.expected, options.poisonous)
    before = kinesis.taking_calls
    ordered = {before + death for death in deaths}
    kinesis.dies_after |= ordered
    try:
        _Mapping(_environments(handler, new_handler), plan, replayed, options).run()
    finally:
        kinesis.dies_after -= ordered
    if ordered and max(ordered) > kinesis.taking_calls:
        puts = kinesis.taking_calls - before
        raise BadReplay(f"there was no put {max(deaths)} to crash after: {puts} in all took anything")
    if never_happened := kinesis.never_happened():
        raise BadReplay("ordered of the Kinesis in memory, and never happened: " + "; ".join(never_happened[:3]))
    check_delivered(told, (number for batch in replayed.batches for number in batch))
    return replayed


def remainder(batch: Sequence[StreamRecord], response: object) -> Sequence[StreamRecord]:
    """What Lambda delivers again of a batch after this response."""
    numbers = [number_of(record) for record in batch]
    return batch[judge(Invoked(response), numbers, reports_item_failures=True).done :]


def _environments(handler: Handler | None, new_handler: Callable[[], Handler] | None) -> Callable[[], Handler]:
    if (handler is None) == (new_handler is None):
        raise BadReplay("either a handler is due, or new_handler, which makes one")
    return new_handler or (lambda: handler)  # type: ignore[return-value]  # one of the two is there


@dataclass
class _Mapping:
    """The event source mapping, for one replay."""

    new_handler: Callable[[], Handler]
    plan: Mapping[str, Sequence[Batch]]
    replayed: Replayed
    settings: Settings
    environments: dict[str, tuple[int, Handler]] = field(default_factory=dict)
    started: int = 0

    def run(self) -> None:
        """Shard by shard, children behind their parents; shards that may be read take turns, a batch each."""
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
        state = ShardState(self.settings.mapping())
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
        number, handler = self._environment(shard_id)
        sequence_numbers = tuple(record["dynamodb"]["SequenceNumber"] for record in records)
        deliveries = self.replayed.deliveries
        context = Context(f"invocation-{len(deliveries) + 1}", self.settings.remaining_ms)
        result: Any = None
        error: BaseException | None = None
        try:
            # As over the wire: the handler may change what it gets, and must answer with what JSON can say.
            result = json.loads(json.dumps(handler(json.loads(json.dumps({"Records": records})), context)))
        except (Exception, Died) as raised:  # noqa: BLE001 -- whatever a handler raises is Lambda's function error
            error = raised
        if self.replayed.kinesis.new_caller():
            error = error if isinstance(error, Died) else Died("it went on after its death")
            del self.environments[shard_id]
        deliveries.append(Delivery(shard_id, number, sequence_numbers, result, error))
        return Invoked(result) if error is None else Invoked(function_error="Unhandled")

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
        why = f"it raised {last.error!r}" if last.error else f"it answered {last.result!r}"
        raise AssertionError(
            f"given up, never published: {len(records)} records from {number_of(records[0])} on, "
            f"after {self.settings.retries_max} retries; at last {why}"
        ) from last.error


def _mapped(record: StreamRecord) -> MappedRecord:
    """Some records that tests make cannot be UTF-8, and some captured ones tell no time."""
    created_at_s = float(record["dynamodb"].get("ApproximateCreationDateTime") or 0)
    return MappedRecord(number_of(record), created_at_s, record, len(json.dumps(record)))
