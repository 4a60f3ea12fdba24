"""A Kinesis stream as documented: the records of a call have no order, and order exists only within a shard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from account_events.aggregation.unpacking import unpack
from projector.parking import Parked
from projector.settings import READ_TIMEOUT_S
from tests.simulation.projector.callers import Caller
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.fixtures import Event, events_by_data
from tests.simulation.projector.oracle import Oracle, PromiseBroken

RING_END = 2**128
SHARDS_MAX = 6
LATENCY_S, SLOW_S = 0.015, 1.0

Put = list[tuple[Event, bool]]
"""A record's events, and for each whether it may arrive before its predecessor."""


@dataclass(frozen=True, slots=True)
class StreamShard:
    """A shard of the hash key range from `start` to before `end`; readers finish its `ancestors` first."""

    number: int
    start: int
    end: int
    ancestors: frozenset[int]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A record on the stream, and when it arrived."""

    shard: StreamShard
    partition_key: str
    data: bytes
    at_s: float


class Kinesis:
    """The stream.

    Args:
        parked: the parked accounts, which the oracle needs at every put.
        events: returns the events that may be published, by their bytes.

    Attributes:
        arrived: all records so far, in the order of arrival.
        shards: the open shards.
    """

    def __init__(
        self,
        fault_plan: FaultPlan,
        oracle: Oracle,
        parked: Mapping[str, Parked],
        events: Callable[[], Mapping[bytes, Event]] = events_by_data,
    ) -> None:
        self._fault_plan = fault_plan
        self._oracle = oracle
        self._parked = parked
        self._events = events
        self.arrived: list[Arrived] = []
        self.shards = [StreamShard(0, 0, RING_END, frozenset())]
        self._last_shard = 0
        self._shard_of: dict[str, int] = {}
        self._refused_until_s: dict[str, float] = {}
        self._down_until_s = 0.0
        self._refused_for_good: set[Event] = set()

    def calm(self) -> None:
        self._refused_until_s, self._down_until_s = {}, 0.0
        self._refused_for_good.clear()

    def reshard(self) -> None:
        """Split a shard at a random point, or merge two neighbours."""
        random = self._fault_plan.random
        index = random.randrange(len(self.shards))
        if len(self.shards) < SHARDS_MAX and (index + 1 == len(self.shards) or random.random() < 0.7):
            old = [self.shards[index]]
            middle = random.randrange(old[0].start + 1, old[0].end)
            borders = [(old[0].start, middle), (middle, old[0].end)]
        elif index + 1 < len(self.shards):
            old = self.shards[index : index + 2]
            borders = [(old[0].start, old[1].end)]
        else:
            return
        ancestors = frozenset[int]().union(*(shard.ancestors | {shard.number} for shard in old))
        numbers = range(self._last_shard + 1, self._last_shard + 1 + len(borders))
        new = [StreamShard(number, *border, ancestors) for number, border in zip(numbers, borders, strict=True)]
        self.shards[index : index + len(old)] = new
        self._last_shard = numbers[-1]

    def put(self, entries: Sequence[Mapping[str, Any]], *, by_function: bool) -> dict[str, Any]:
        """Behave as boto3's `put_records`, except for the latency of the request."""
        if by_function:
            self._oracle.puts(self._fault_plan.clock())
        puts = [self._put(entry, by_function=by_function) for entry in entries]
        if self._is_refused(puts):
            raise ClientError({"Error": {"Code": "InvalidArgumentException", "Message": "no"}}, "PutRecords")
        if self._fault_plan.strikes("call throttled") or self._is_down():
            raise ClientError({"Error": {"Code": "LimitExceededException", "Message": "no"}}, "PutRecords")
        if self._fault_plan.strikes("call timed out"):
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        is_taken = [self._is_taken(entry) for entry in entries]
        taken = [one for one in zip(entries, puts, is_taken, strict=True) if one[2]]
        self._fault_plan.random.shuffle(taken)
        if self._fault_plan.strikes("call late"):
            self._fault_plan.later(lambda: self._arrive_all(taken))
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        self._arrive_all(taken)
        if self._fault_plan.strikes("answer lost"):
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        if by_function and self._oracle.delivery:
            accepted = self._oracle.delivery.accepted
            for account_id, sequence in (event for _, put, _ in taken for event, _ in put):
                accepted[account_id] = min(sequence, accepted.get(account_id, sequence))
        return {"FailedRecordCount": is_taken.count(False), "Records": [_RESULT[one] for one in is_taken]}

    def _put(self, entry: Mapping[str, Any], *, by_function: bool) -> Put:
        try:
            events = [self._events()[data] for data in unpack(entry["Data"])]
        except KeyError as error:
            raise PromiseBroken("bytes were published that are not an event") from error
        return list(zip(events, self._oracle.put(events, self._parked, by_function=by_function), strict=True))

    def _is_refused(self, puts: Sequence[Put]) -> bool:
        """Whether a call is refused because of an event. That event is refused until the scenario is calm."""
        events = [event for put in puts for event, _ in put]
        if self._fault_plan.strikes("event refused for good"):
            self._refused_for_good.add(self._fault_plan.random.choice(events))
        is_refused = not self._refused_for_good.isdisjoint(events)
        self._fault_plan.troubles += is_refused
        return is_refused

    def _is_down(self) -> bool:
        now_s = self._fault_plan.clock()
        if self._fault_plan.strikes("stream down for a while"):
            self._down_until_s = now_s + self._fault_plan.random.uniform(5, 300)
        self._fault_plan.troubles += now_s < self._down_until_s
        return now_s < self._down_until_s

    def _is_taken(self, entry: Mapping[str, Any]) -> bool:
        key, now_s = entry["ExplicitHashKey"], self._fault_plan.clock()
        if self._fault_plan.strikes("bucket refused for a while"):
            self._refused_until_s[key] = now_s + self._fault_plan.random.uniform(1, 200)
        if now_s < self._refused_until_s.get(key, 0.0):
            self._fault_plan.troubles += 1
            return False
        return not self._fault_plan.strikes("record refused")

    def _arrive_all(self, taken: Sequence[tuple[Mapping[str, Any], Put, bool]]) -> None:
        for entry, put, _ in taken:
            self._arrive(entry, put)

    def _arrive(self, entry: Mapping[str, Any], put: Put) -> None:
        point = int(entry["ExplicitHashKey"])
        shard = next(shard for shard in self.shards if shard.start <= point < shard.end)
        self.arrived.append(Arrived(shard, entry["PartitionKey"], entry["Data"], self._fault_plan.clock()))
        for event, may_overtake in put:
            last = self._shard_of.setdefault(event[0], shard.number)
            if last != shard.number and last not in shard.ancestors:
                raise PromiseBroken(
                    f"{event} is in a shard that may be read before the shard with its account's earlier events"
                )
            self._shard_of[event[0]] = shard.number
            if not self._oracle.arrived(event, may_overtake=may_overtake):
                self._fault_plan.happened["event twice"] += 1


class Client:
    """The client that a publisher calls."""

    def __init__(self, kinesis: Kinesis, fault_plan: FaultPlan, caller: Caller) -> None:
        self._kinesis = kinesis
        self._fault_plan = fault_plan
        self._caller = caller

    def put_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        self._caller.interrupt()
        try:
            answer = self._kinesis.put(request["Records"], by_function=self._caller.is_function)
        except ReadTimeoutError:
            self._caller.spend(READ_TIMEOUT_S)
            raise
        self._caller.spend(SLOW_S if self._fault_plan.strikes("call slow") else LATENCY_S)
        self._caller.interrupt()
        return answer


_RESULT = {
    True: {"SequenceNumber": "1", "ShardId": "shardId-000000000000"},
    False: {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"},
}
