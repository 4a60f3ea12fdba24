"""An in-memory Kinesis stream that refuses, loses and delays entries on request."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from account_events.aggregation.unpacking import unpack
from account_events.avro import glue_framing
from account_events.avro.codec import DomainEvent, decode
from account_events.avro.encoder import MARKER
from account_events.testing.clock import VirtualClock
from account_events.testing.context import Died
from account_events.testing.errors import BadReplay
from account_events.testing.faults import Fault
from account_events.testing.put_checks import check_call, check_parameters, sent


class MemoryKinesis:
    """A fake Kinesis client with `put_records` and `put_record` like boto3's.

    Args:
        faults: one per call, in order; later calls succeed. In a replay, every fault of a list must happen, but those
            of an iterator need not.
        refuse: accounts whose entries are always refused; in a replay, each of them must have an entry.
        clock: advanced by `latency_s` with every call.
        latency_s: the duration of a call, in seconds.
        stream_name: the only existing stream; None accepts any name.
        read: decodes the unpacked data of a record into an event.

    Attributes:
        accepted: the entries on the stream, in the order of their arrival.
        calls: the entries of every call.
        dies_after: the numbers of the puts after which the caller dies. Only calls that accept entries count as puts,
            from 1.
        puts: how many calls have accepted entries so far.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        refuse: Iterable[str] = (),
        clock: VirtualClock | None = None,
        latency_s: float = 0.015,
        stream_name: str | None = None,
        read: Callable[[bytes], DomainEvent] = decode,
    ) -> None:
        self._ordered: tuple[Fault, ...] = tuple(faults) if isinstance(faults, Sequence) else ()
        self._faults: Iterator[Fault] = iter(faults)
        self._missed: list[str] = []
        self._refused_accounts: set[str] = set()
        self._late: list[Mapping[str, Any]] = []
        self._latency_s = latency_s
        self._stream_name = stream_name
        self._read = read
        self._lock = threading.RLock()
        self._is_caller_dead = False
        self._numbers = count(49 * 10**54)
        self.refuse = set(refuse)
        self.clock = clock or VirtualClock()
        self.accepted: list[Mapping[str, Any]] = []
        self.calls: list[list[Mapping[str, Any]]] = []
        self.dies_after: set[int] = set()
        self.puts = 0

    def data(self) -> list[bytes]:
        """The user records on the stream, unpacked from aggregates, in the order of their arrival."""
        return [data for entry in self.accepted for data in unpack(entry["Data"])]

    def events(self) -> list[DomainEvent]:
        """The domain events on the stream, in the order of their arrival.

        Raises:
            account_events.avro.errors.Undecodable: a record on the stream is not an event.
        """
        return [self._read(data) for data in self.data()]

    def per_account(self) -> dict[str, list[DomainEvent]]:
        """The domain events by account, in the order of their arrival."""
        found: dict[str, list[DomainEvent]] = {}
        for event in self.events():
            found.setdefault(event.fields["account_id"], []).append(event)
        return found

    def assert_accounts_alone(self) -> None:
        """Assert that no call had two records of one account: Kinesis may refuse the first and accept the second."""
        for number, call in enumerate(self.calls, 1):
            records = Counter(account for entry in call for account in set(self.accounts_of(entry)))
            repeated = sorted(account for account, times in records.items() if times > 1)
            if repeated:
                raise AssertionError(
                    f"call {number} has several records with events of {', '.join(repeated[:5])}; "
                    "PutRecords may refuse the first and accept the second"
                )

    def new_caller(self) -> bool:
        """Start a new execution environment; return whether the previous one has died."""
        was_dead, self._is_caller_dead = self._is_caller_dead, False
        return was_dead

    @contextmanager
    def replaying(self, crashes: Collection[int] = ()) -> Iterator[None]:
        """A context in which callers die after these puts. Calls that accept entries count, from 1 in this context.

        Raises:
            BadReplay: at the end, if one of these puts, or another requested fault, did not happen.
        """
        before = self.puts
        deaths = {before + crash for crash in crashes}
        self.dies_after |= deaths
        try:
            yield
        finally:  # a fault that did not happen must not affect the next replay
            self.dies_after -= deaths
        puts = self.puts - before
        if crashes and max(crashes) > puts:
            times = "never" if puts == 0 else "only once" if puts == 1 else f"only {puts} times"
            raise BadReplay(f"crash_after_put={max(crashes)}: the handler put entries {times}")
        if never_happened := self.never_happened():
            raise BadReplay("requested of the in-memory Kinesis, but never happened: " + "; ".join(never_happened[:3]))

    def never_happened(self) -> list[str]:
        """The requested faults that have not happened so far, one line each."""
        with self._lock:
            calls, puts = len(self.calls), self.puts
            unused = [
                f"there was no call {number} for its Fault: the number of calls was {calls}"
                for number, fault in enumerate(self._ordered, 1)
                if number > calls and fault.has_effect
            ]
            without_entry = [f"there was no entry of {account!r} to refuse" for account in sorted(self._not_refused())]
            without_put = [
                f"there was no put {death} to crash after: the number of puts was {puts}"
                for death in sorted(self.dies_after)
                if not 1 <= death <= puts
            ]
            return [*self._missed, *unused, *without_entry, *without_put]

    def _not_refused(self) -> set[str]:
        return self.refuse - self._refused_accounts

    def put_record(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        """Like `put_records` with one entry; if the entry is refused, the call itself fails."""
        check_parameters("PutRecord", request)
        where = {name: request[name] for name in ("StreamName", "StreamARN") if name in request}
        entry = {name: request[name] for name in ("Data", "PartitionKey", "ExplicitHashKey") if name in request}
        [result] = self.put_records(**where, Records=[entry])["Records"]
        if "ErrorCode" in result:
            raise _error("PutRecord", result["ErrorCode"], result["ErrorMessage"])
        return dict(result)

    def put_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        """Put records, with the parameters and the response of boto3's method.

        Raises:
            botocore.exceptions.ParamValidationError: the parameters are invalid.
            botocore.exceptions.ClientError: a limit of Kinesis is exceeded, the stream does not exist, or a fault was
                requested.
            botocore.exceptions.ReadTimeoutError: a fault was requested.
            Died: the caller dies in this call, or has died before.
        """
        with self._lock:
            if self._is_caller_dead:
                raise Died("the environment has died, so it cannot put")
            check_parameters("PutRecords", request)
            entries: list[Mapping[str, Any]] = [sent(entry) for entry in request["Records"]]
            self._check_stream(request)
            check_call(entries)
            self.calls.append(entries)
            self.clock.now_s += self._latency_s
            return self._put(entries, next(self._faults, Fault()))

    def _put(self, entries: Sequence[Mapping[str, Any]], fault: Fault) -> dict[str, Any]:
        late, self._late = self._late, []
        in_order = len(self.calls) <= len(self._ordered)
        if fault.throttled:
            self.accepted += late
            if in_order and (fault.refused or fault.lost or fault.late):
                self._missed.append(f"call {len(self.calls)} is throttled, so the rest of its Fault did not happen")
            raise _error("PutRecords", "LimitExceededException", "Rate exceeded")
        if in_order and (absent := sorted(fault.refused - set(range(len(entries))))):
            self._missed.append(f"call {len(self.calls)} had no entry {absent[0]} to refuse: it had {len(entries)}")
        are_accepted = [
            position not in fault.refused and not self._is_refused(entry) for position, entry in enumerate(entries)
        ]
        accepted = [entry for entry, is_accepted in zip(entries, are_accepted, strict=True) if is_accepted]
        self._late = accepted if fault.late else []
        self.accepted += ([] if fault.late else accepted) + late
        if accepted:
            self.puts += 1
            if self.puts in self.dies_after:
                self._is_caller_dead = True
                raise Died(f"after put {self.puts}")
        if fault.lost or fault.late:
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        return {
            "FailedRecordCount": are_accepted.count(False),
            "Records": [_result(each, next(self._numbers), fault.error_code) for each in are_accepted],
        }

    def _is_refused(self, entry: Mapping[str, Any]) -> bool:
        refused = self.refuse.intersection(self.accounts_of(entry)) if self.refuse else set()
        self._refused_accounts |= refused
        return bool(refused)

    def accounts_of(self, entry: Mapping[str, Any]) -> list[str]:
        """The accounts of an entry's events; if its data is not an event, its partition key."""
        datas = unpack(entry["Data"])
        if all(data.startswith(MARKER) or glue_framing.is_framed(data) for data in datas):
            return [self._read(data).fields["account_id"] for data in datas]
        return [entry["PartitionKey"]]

    def _check_stream(self, request: Mapping[str, Any]) -> None:
        name = request.get("StreamName") or str(request.get("StreamARN", "")).rpartition("/")[2]
        if self._stream_name is not None and name != self._stream_name:
            raise _error("PutRecords", "ResourceNotFoundException", f"Stream {name} not found")


def _result(is_accepted: bool, number: int, error_code: str) -> dict[str, str]:  # noqa: FBT001 -- it selects the result
    if is_accepted:
        return {"SequenceNumber": str(number), "ShardId": "shardId-000000000000"}
    return {"ErrorCode": error_code, "ErrorMessage": "refused, as the test requested"}


def _error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
