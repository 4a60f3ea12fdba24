"""A bucket in memory with failed records, and the deployed function in this process, which redrives them."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from itertools import count
from typing import Any

import pyarrow.parquet as pq

from account_events.aggregation.unpacking import unpack
from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from consumers.lake.transform import Transform
from ops.lake.repair.redrive import Redrive, Redriven
from tests.unit.consumer.given import encoded

KEY = "errors/processing-failed/dt=2026-08-01/delivery-1"
CONVERSION_KEY = "errors/format-conversion-failed/dt=2026-08-01/delivery-1"
ARRIVED_MS = 1_785_000_000_000
"""2026-07-25."""
FIRST_DAY = "2020-01-01"
EVENTS = encoded("a-1", 6)
LATER = b"\xc3\x01" + bytes(8) + b"of tomorrow"


class Killed(BaseException):
    """Ends a redrive, like Ctrl-C or a power cut."""


class MemoryBucket:
    """A bucket that can kill its caller.

    Attributes:
        calls_left: number of calls that succeed; the next one raises Killed.
        before: whether that call raises before or after its work.
        on_change: called after the work of each call.
    """

    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)
        self.calls_left: float = float("inf")
        self.before = True
        self.on_change: Callable[[], None] = lambda: None

    def keys(self, prefix: str) -> Iterator[str]:
        self._call(lambda: None)
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def get(self, key: str) -> bytes | None:
        self._call(lambda: None)
        return self.objects.get(key)

    def put(self, key: str, body: bytes) -> None:
        self._call(lambda: self.objects.update({key: body}))

    def delete(self, key: str) -> None:
        self._call(lambda: self.objects.pop(key))

    def _call(self, work: Callable[[], object]) -> None:
        self.calls_left -= 1
        if self.calls_left < 0 and self.before:
            raise Killed
        work()
        self.on_change()
        if self.calls_left < 0:
            raise Killed


class Function:
    """The deployed function: the transform itself, and the reasons for its refusals."""

    def __init__(self) -> None:
        self.transform = Transform(Rows(Decoder(), FIRST_DAY))
        self.reasons: dict[str, dict[str, str]] = {}
        self.batches: list[int] = []
        self.refuses: Callable[[bytes], bool] = lambda _data: False
        self.answers: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer

    def __call__(self, payload: bytes) -> bytes:
        event = json.loads(payload)
        self.batches.append(len(event["records"]))
        for record in event["records"]:
            if self.refuses(base64.b64decode(record["data"])):
                record["data"] = base64.b64encode(LATER).decode()
        transformed = self.transform(event)
        self.reasons[event["invocationId"]] = {each.record_id: each.reason for each in transformed.refusals}
        return json.dumps(self.answers(transformed.answer)).encode()


def failed_record(data: bytes, **more: Any) -> bytes:  # noqa: ANN401
    return json.dumps({"attemptsMade": 4, "arrivalTimestamp": ARRIVED_MS, "rawData": _text(data), **more}).encode()


def lines(*each: bytes) -> bytes:
    return b"".join(line + b"\n" for line in each)


def redrive(bucket: MemoryBucket, function: Function) -> list[Redriven]:
    return list(redrive_of(bucket, function).run())


def redrive_of(bucket: MemoryBucket, function: Function) -> Redrive:
    ids = count()
    stream_arn = "arn:aws:kinesis:eu-central-1:0:stream/s"
    return Redrive(bucket, function, _reasons(function), lambda: str(next(ids)), stream_arn, FIRST_DAY)


def _reasons(function: Function) -> Callable[[str], Mapping[str, str]]:
    return lambda invocation_id: function.reasons[invocation_id]


def in_lake(bucket: MemoryBucket) -> list[str]:
    """The event ids of all rows in the lake, copies included."""
    return sorted(
        event_id
        for key, body in bucket.objects.items()
        if key.startswith("events/")
        for event_id in pq.read_table(BytesIO(body))["event_id"].to_pylist()
    )


def in_errors(bucket: MemoryBucket, prefix: str = "errors/") -> set[bytes]:
    """The bytes of all events in the failed records."""
    documents = [
        json.loads(line)
        for key, body in bucket.objects.items()
        if key.startswith(prefix)
        for line in body.splitlines()
        if line.startswith(b"{")
    ]
    return {part for each in documents for part in unpack(base64.b64decode(each["rawData"]))}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ids(*sequences: int) -> list[str]:
    return [f"a-1:{sequence}" for sequence in sequences]
