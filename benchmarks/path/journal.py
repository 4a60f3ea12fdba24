"""Records when functions are invoked and objects are written, with clients that replace those of the local stack."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq

from account_core.domain.events import EventRow
from account_core.rows.items import from_item
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import decode
from benchmarks.path.load import EventKey
from consumers.lake.table import EVENTS_PREFIX
from local_stack.address import Address


@dataclass(frozen=True, slots=True)
class Invocation:
    """A successful invocation by an event source mapping, and the answer."""

    function: str
    payload: bytes
    begun_s: float
    ended_s: float
    answer: bytes = b'{"batchItemFailures": []}'


@dataclass(frozen=True, slots=True)
class Written:
    """An object of the lake."""

    body: bytes
    ended_s: float


@dataclass(slots=True)
class Journal:
    """What happened, in the order in which it ended. It is decoded after the run, so as not to disturb it."""

    invocations: list[Invocation] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)


class RecordedAddress(Address):
    """The address of a local stack whose clients for Lambda and S3 record their calls."""

    journal: Journal

    @staticmethod
    def of(address: Address, journal: Journal) -> "RecordedAddress":
        recorded = RecordedAddress(**{each.name: getattr(address, each.name) for each in fields(address)})
        object.__setattr__(recorded, "journal", journal)  # the class is frozen
        return recorded

    def client(self, service: str, read_timeout_s: float = 20.0, attempts_max: int = 3) -> Any:  # noqa: ANN401 -- as Address
        made = Address.client(self, service, read_timeout_s, attempts_max)
        recorders = {"lambda": _Functions, "s3": _Objects}
        return recorders[service](made, self.journal) if service in recorders else made


class _Recorder:
    def __init__(self, client: Any, journal: Journal) -> None:  # noqa: ANN401 -- a boto3 client
        self._client, self._journal = client, journal

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- the client's methods
        return getattr(self._client, name)


class _Functions(_Recorder):
    def invoke(self, **request: Any) -> Any:  # noqa: ANN401 -- the client's
        begun_s = time.time()
        answer = self._client.invoke(**request)
        body = answer["Payload"].read()
        ended_s = time.time()
        if not answer.get("FunctionError"):
            name = request["FunctionName"].rpartition(":")[2]
            self._journal.invocations.append(Invocation(name, bytes(request["Payload"]), begun_s, ended_s, body))
        return {**answer, "Payload": BytesIO(body)}


class _Objects(_Recorder):
    def put_object(self, **request: Any) -> Any:  # noqa: ANN401 -- the client's
        answer = self._client.put_object(**request)
        if request["Key"].startswith(EVENTS_PREFIX):
            self._journal.written.append(Written(request["Body"], time.time()))
        return answer


def unsafe_in(answer: bytes) -> int | None:
    """The lowest sequence number that the function returned as a failure: Lambda delivers from there again."""
    failures = json.loads(answer)["batchItemFailures"]
    return min((int(failure["itemIdentifier"]) for failure in failures), default=None)


def rows_in(payload: bytes) -> Iterator[EventKey]:
    """The keys of the events in a batch of the table's stream."""
    for record in json.loads(payload)["Records"]:
        row = from_item(record["dynamodb"]["NewImage"])
        if isinstance(row, EventRow):
            yield row.account_id, row.sequence


def events_in(invocation: Invocation) -> Iterator[tuple[EventKey, float, bool]]:
    """The events in a batch of the event stream: key, arrival in seconds since 1970, and whether they are done."""
    unsafe = unsafe_in(invocation.answer)
    for record in json.loads(invocation.payload)["Records"]:
        is_done = unsafe is None or int(record["kinesis"]["sequenceNumber"]) < unsafe
        for data in unpack(base64.b64decode(record["kinesis"]["data"])):
            event = decode(data).fields
            key = str(event["account_id"]), int(event["sequence"])
            yield key, record["kinesis"]["approximateArrivalTimestamp"], is_done


def keys_in(body: bytes) -> list[EventKey]:
    """The keys of the events in an object of the lake."""
    table = pq.read_table(BytesIO(body), columns=["account_id", "sequence"])
    return list(zip(table["account_id"].to_pylist(), table["sequence"].to_pylist(), strict=True))
