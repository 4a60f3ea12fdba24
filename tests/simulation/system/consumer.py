"""The read model's function on the Kinesis stream, through the consumer kit's inbox."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from account_events.consumer import Event, Outcome
from account_events.consumer.dynamodb_item_inbox import ItemEffect
from account_events.lambda_mapping.records import StreamRecord
from consumers.owners.rows import changes
from tests.simulation.consumers import Store
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.kinesis import Arrived, Kinesis
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.readers import Readers

STEPS_MAX = 20_000


class _Effect(NamedTuple):
    row: ItemEffect
    events: Sequence[Event]


@dataclass
class AppliedStore(Store):
    """A store that also keeps what was applied.

    Attributes:
        events: of each account, as they were applied.
    """

    events: dict[str, list[Event]] = field(default_factory=dict)

    def effect(self, events: Sequence[Event]) -> _Effect:
        return _Effect(changes(events), events)

    def _carry_out(self, account_id: str, effect: Any) -> None:  # noqa: ANN401 -- as the base class
        super()._carry_out(account_id, effect.row)
        self.events.setdefault(account_id, []).extend(effect.events)


class KinesisReaders(Readers):
    """Reads the stream, children of a shard after the shard."""

    def __init__(self, fault_plan: FaultPlan, kinesis: Kinesis) -> None:
        self.applied = AppliedStore()
        super().__init__(fault_plan.random, self.applied, lambda kind: fault_plan.strikes(f"reader {kind}"))
        self._fault_plan = fault_plan
        self._kinesis = kinesis
        self._seen = 0
        self._index: dict[int, int] = {}
        self._waiting: dict[int, list[Arrived]] = {}

    def read(self) -> bool:
        """Read new records, and perform an action of the mapping. False: there is nothing to do."""
        self.now_s = self._fault_plan.clock()
        self._feed()
        goes_on = self.step()
        self._fault_plan.clock.now_s = max(self.now_s, self._fault_plan.clock())
        return goes_on

    def finish(self) -> None:
        """Without further faults, everything is read."""
        for _ in range(STEPS_MAX):
            if not self.read():
                break
        else:
            raise PromiseBroken("the read model's mapping makes no progress")
        self.finish_calls()
        if gaps := self.applied.gaps(self._fault_plan.clock() + 1_000_000):
            raise PromiseBroken(f"the read model waits for events: {gaps}")

    def _feed(self) -> None:
        arrived = self._kinesis.arrived
        for number in range(self._seen, len(arrived)):
            self._waiting.setdefault(arrived[number].shard.number, []).append(arrived[number])
        self._seen = len(arrived)
        for number in sorted(self._waiting):
            records = self._waiting[number]
            if all(map(self._is_finished, records[0].shard.ancestors)):
                del self._waiting[number]
                if number not in self._index:
                    self._index[number] = len(self.shards)
                    self.add_shard()
                self._add(self._index[number], records)

    def _is_finished(self, number: int) -> bool:
        """Whether a shard, which is closed, has been read to its end."""
        is_read = number not in self._index or not self.lanes[self._index[number]].buffered
        return number not in self._waiting and is_read

    def _add(self, index: int, records: Sequence[Arrived]) -> None:
        new = [_record(arrived, len(self.shards[index]) + number) for number, arrived in enumerate(records)]
        self.shards[index] += new
        self.lanes[index].feed(new, self.now_s)

    def _check(self, outcome: Outcome) -> None:
        super()._check(outcome)
        self._fault_plan.happened["applied"] += outcome.applied
        self._fault_plan.happened["applied before"] += outcome.duplicates
        self._fault_plan.happened["buffered by the inbox"] += outcome.buffered


def kinesis_event(arrived: Arrived, number: int) -> dict[str, Any]:
    """A record as an element of a Lambda event's `Records`."""
    return {
        "eventID": f"shardId-{arrived.shard.number:012d}:{number}",
        "kinesis": {
            "partitionKey": arrived.partition_key,
            "sequenceNumber": str(number + 1),
            "data": base64.b64encode(arrived.data).decode(),
            "approximateArrivalTimestamp": arrived.at_s,
        },
    }


def _record(arrived: Arrived, number: int) -> StreamRecord:
    return StreamRecord.of(kinesis_event(arrived, number))
