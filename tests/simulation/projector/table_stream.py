"""The accounts' table and its stream: rows, shards that split, and the event source mapping's state of each shard."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from account_events.lambda_mapping.config import RETENTION_S, MappingConfig
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.shard import Idle, ShardState
from account_events.streams.lineage import Shard, readable_shards
from account_events.testing.records import sequence_number
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.fixtures import Event, Written
from tests.simulation.projector.oracle import Oracle
from tests.support.memory_tables import MemoryLedger

_RESOURCES: dict[str, Any] = yaml_parse((Path(__file__).parents[3] / "template.yaml").read_text())["Resources"]
_PROPERTIES = _RESOURCES["ProjectorMapping"]["Properties"]
_AS_DEPLOYED = {
    "UUID": "mapping-1",
    "EventSourceArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/accounts/stream/2026-01-31T00:00:00.000",
    "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:projector",
    **{
        name: value
        for name, value in _PROPERTIES.items()
        if name not in {"Enabled", "EventSourceArn", "FunctionName", "DestinationConfig", "MetricsConfig"}
    },
}
RECORD_BYTES = 1_000
BEHIND = 1, 1, 2, 3, 6, 12
"""How many later events of its account a late record may come after."""
ORDER_WINDOWS_S = 1.0, 1.5, 2.5, 10.0
SHARDS_MAX = 5


@dataclass(slots=True)
class TableShard:
    """A shard. The mapping has read the first `fed` of its `records`; `state` is the mapping's state."""

    shard_id: str
    parent_id: str | None
    state: ShardState
    records: list[StreamRecord] = field(default_factory=list)
    fed: int = 0
    is_closed: bool = False

    @property
    def is_drained(self) -> bool:
        return self.fed == len(self.records) and not self.state.buffered


@dataclass(frozen=True, slots=True)
class LateRecord:
    """A row in the table whose record enters the stream after the record of the event with sequence `behind`."""

    row: Written
    behind: int


class TableStream:
    """The table's stream.

    Args:
        accounts: the accounts that begin in the first shard; any other account begins in an open one.

    Attributes:
        ledger: the table.
        order_window_s: the projector's order window. If a record comes after the record of an event that occurred this
            much later, it is later than the projector allows for.
        written: the events of all rows so far.
        records: the number of records that have entered the stream.
        broken: the correct rows where the table holds something else, by account and version.
        shards: all shards so far, in the order of creation.
    """

    def __init__(self, fault_plan: FaultPlan, oracle: Oracle, accounts: Iterable[str] = ()) -> None:
        self._fault_plan = fault_plan
        self._oracle = oracle
        settings = {
            "BatchSize": fault_plan.random.choice((1, 3, 8, 1000)),
            "MaximumRetryAttempts": fault_plan.random.choice((2, 6, 100, 100)),
        }
        self._config = MappingConfig.from_api(_AS_DEPLOYED | settings)
        self.order_window_s = fault_plan.random.choice(ORDER_WINDOWS_S)
        self._event_of: dict[str, Event] = {}
        self.records = 0
        self.ledger = MemoryLedger()
        self.written: list[Event] = []
        self.broken: dict[tuple[str, int], Written] = {}
        self._late: list[LateRecord] = []
        self.shards = [TableShard("shard-0", None, ShardState(self._config))]
        self._shard_of = dict.fromkeys(accounts, self.shards[0])

    def put(self, rows: Sequence[Written]) -> None:
        """Store the rows of a transaction. Their records enter the stream in any order, some of them late."""
        random = self._fault_plan.random
        self.written += [(row.account_id, row.sequence) for row in rows if row.sequence is not None]
        self.ledger.put(row.image for row in rows)
        if len(rows) > 1 and self._fault_plan.strikes("transaction swapped"):
            rows = rows[::-1] if len(rows) == 2 else random.sample(rows, len(rows))
        for row in rows:
            if row.sequence is not None and self._fault_plan.strikes("record late"):
                self._late.append(LateRecord(row, row.sequence + random.choice(BEHIND)))
            else:
                self._append(row)

    def _append(self, row: Written) -> None:
        """Append the row's record to the stream, followed by late records that waited for it."""
        account_id, now_s = row.account_id, self._fault_plan.clock()
        number = sequence_number(self.records)
        self.records += 1
        if row.sequence is not None:
            self._event_of[number] = account_id, row.sequence
        self._shard(account_id).records.append(StreamRecord(number, now_s, row.numbered(number, now_s), RECORD_BYTES))
        if row.sequence is None:
            return
        for late in [each for each in self._late if each.row.account_id == account_id]:
            sequence = late.row.sequence or 0
            if row.at_us - late.row.at_us >= self.order_window_s * 1_000_000:
                self._oracle.overtaken.add((account_id, sequence))
            if late.behind <= row.sequence and late in self._late:
                self._late.remove(late)
                self._append(late.row)

    def settle(self) -> None:
        """Append all late records to the stream."""
        while self._late:
            self._append(self._late.pop(0).row)

    def newest(self, account_id: str) -> int:
        """The sequence of the account's newest event; 0 if there is none."""
        return max((sequence for owner, sequence in self.written if owner == account_id), default=0)

    def repair(self, account_id: str, rows_max: int) -> None:
        """Restore the first `rows_max` of the account's broken rows."""
        for key in sorted(key for key in self.broken if key[0] == account_id)[:rows_max]:
            self.ledger.put([self.broken.pop(key).image])
            self._fault_plan.note("row repaired", *key)

    def split(self) -> None:
        """Close an open shard, and continue its accounts in two new shards."""
        parent = self._fault_plan.random.choice([shard for shard in self.shards if not shard.is_closed])
        if len(self.shards) >= SHARDS_MAX:
            return
        parent.is_closed = True
        numbers = len(self.shards), len(self.shards) + 1
        children = [TableShard(f"shard-{number}", parent.shard_id, ShardState(self._config)) for number in numbers]
        self.shards += children
        for account_id, shard in self._shard_of.items():
            if shard is parent:
                self._shard_of[account_id] = self._fault_plan.random.choice(children)

    def _shard(self, account_id: str) -> TableShard:
        if account_id not in self._shard_of:
            self._shard_of[account_id] = self._fault_plan.random.choice(
                [shard for shard in self.shards if not shard.is_closed]
            )
        return self._shard_of[account_id]

    def readable(self) -> list[TableShard]:
        """The shards whose parents have been read completely."""
        finished: set[str | None] = {None}
        for shard in self.shards:
            if shard.parent_id in finished and shard.is_closed and shard.is_drained:
                finished.add(shard.shard_id)
        listed = [Shard(shard.shard_id, shard.parent_id, shard.is_closed) for shard in self.shards]
        ids = set(readable_shards(listed, finished={one for one in finished if one}))
        return [shard for shard in self.shards if shard.shard_id in ids]

    def feed(self, shard: TableShard, count: int) -> None:
        """The mapping reads more records. Records older than a day have been trimmed."""
        now_s = self._fault_plan.clock()
        while shard.fed < len(shard.records) and now_s - shard.records[shard.fed].created_at_s >= RETENTION_S:
            self.give_up([shard.records[shard.fed]], "trimmed")
            shard.fed += 1
        shard.state.feed(shard.records[shard.fed : shard.fed + count], now_s)
        shard.fed = min(shard.fed + count, len(shard.records))

    def rewind(self) -> None:
        """Replace a poller of the mapping with one that starts at an older checkpoint."""
        shard = self._fault_plan.random.choice(self.readable() or self.shards[-1:])
        done = shard.state.checkpoint
        behind = [record.sequence_number for record in shard.records[: shard.fed]].index(done) + 1 if done else 0
        shard.fed = self._fault_plan.random.randint(0, behind)
        checkpoint = shard.records[shard.fed - 1].sequence_number if shard.fed else None
        shard.state = ShardState(self._config, checkpoint=checkpoint)

    def give_up(self, records: Iterable[StreamRecord], reason: str) -> None:
        lost = self._oracle.gave_up(self.events_of(records))
        if lost:
            self._fault_plan.note(reason, *lost)

    def events_of(self, records: Iterable[StreamRecord]) -> Iterator[Event]:
        """The events of the records, without snapshots."""
        for record in records:
            event = self._event_of.get(record.sequence_number)
            if event is not None:
                yield event

    def is_done(self) -> bool:
        """Whether all records have been delivered."""
        now_s = self._fault_plan.clock()
        return all(shard.is_drained and isinstance(shard.state.next_action(now_s), Idle) for shard in self.shards)
