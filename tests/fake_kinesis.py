"""A Kinesis stream in memory, which refuses, loses and delays as it is told, and a clock that only moves when told."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from consumers.kit.aggregates import unpack
from schemas import glue
from schemas.codec import DomainEvent, decode
from schemas.encoder import MARKER


@dataclass(slots=True)
class FakeClock:
    """Seconds; `sleep` moves it on and remembers by how much."""

    now_s: float = 100.0
    slept_s: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept_s.append(seconds)
        self.now_s += seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one `PutRecords` call.

    Attributes:
        refused: the positions of the entries not taken.
        throttled: nothing is taken, and the call itself fails.
        lost: what is taken is taken, and yet the call times out.
        late: as lost, and the entries arrive only after the next call.
    """

    refused: frozenset[int] = frozenset()
    throttled: bool = False
    lost: bool = False
    late: bool = False


class FakeKinesis:
    """Takes `put_records` as boto3's client does.

    Args:
        faults: one for each call, in order; later calls go well.
        refuse: accounts whose entries are never taken.
        clock: moved on by `latency_s` with every call.
        decode: reads the events.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        refuse: Iterable[str] = (),
        clock: FakeClock | None = None,
        latency_s: float = 0.015,
        decode: Callable[[bytes], DomainEvent] = decode,
    ) -> None:
        self._faults: Iterator[Fault] = iter(faults)
        self._late: list[Mapping[str, Any]] = []
        self._latency_s = latency_s
        self._decode = decode
        self.refuse = set(refuse)
        self.clock = clock or FakeClock()
        self.accepted: list[Mapping[str, Any]] = []
        self.calls: list[list[Mapping[str, Any]]] = []

    def events(self) -> list[DomainEvent]:
        """What is on the stream, in the order it arrived."""
        return [self._decode(data) for entry in self.accepted for data in unpack(entry["Data"])]

    def put_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        assert request["StreamName"] == "events"
        entries: Sequence[Mapping[str, Any]] = request["Records"]
        self._assert_limits(entries)
        self.calls.append(list(entries))
        self.clock.now_s += self._latency_s
        fault = next(self._faults, Fault())
        if fault.throttled:
            raise ClientError({"Error": {"Code": "LimitExceededException", "Message": "no"}}, "PutRecords")
        is_taken = [
            position not in fault.refused and self.refuse.isdisjoint(self._accounts(entry))
            for position, entry in enumerate(entries)
        ]
        taken = [entry for entry, yes in zip(entries, is_taken, strict=True) if yes]
        late, self._late = self._late, taken if fault.late else []
        self.accepted += ([] if fault.late else taken) + late
        if fault.lost or fault.late:
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        return {"FailedRecordCount": is_taken.count(False), "Records": [_result(yes) for yes in is_taken]}

    def _assert_limits(self, entries: Sequence[Mapping[str, Any]]) -> None:
        sizes = [len(entry["Data"]) + len(entry["PartitionKey"].encode()) for entry in entries]
        assert 1 <= len(entries) <= 500
        assert max(sizes) <= 1024 * 1024
        assert sum(sizes) <= 5 * 1024 * 1024
        assert all(1 <= len(entry["PartitionKey"]) <= 256 for entry in entries)
        accounts = [account for entry in entries for account in set(self._accounts(entry))]
        assert len(set(accounts)) == len(accounts), "one account in two records in flight together"

    def _accounts(self, entry: Mapping[str, Any]) -> list[str]:
        """Of its events; of data that is none (a test's own), the partition key."""
        datas = unpack(entry["Data"])
        if all(data.startswith(MARKER) or glue.is_framed(data) for data in datas):
            return [self._decode(data).fields["account_id"] for data in datas]
        return [entry["PartitionKey"]]


def _result(is_taken: bool) -> dict[str, str]:  # noqa: FBT001 -- the one thing it is about
    if is_taken:
        return {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
    return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
