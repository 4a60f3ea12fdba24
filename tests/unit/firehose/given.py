"""A delivery with in-memory ports. Its function and its bucket fail on demand."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Any

import pyarrow.parquet as pq

from consumers.lake.delivery.parquet import arrow_schema
from consumers.lake.delivery.records import SourceRecord
from local_stack.firehose.config import DeliveryConfig
from local_stack.firehose.delivery import Delivery, Names, Ports

NOW_S = 1_790_000_000.0
CONFIG = DeliveryConfig(
    transform_bytes=1_000,
    transform_interval_s=60,
    retries=3,
    delivery_bytes=100_000,
    delivery_interval_s=300,
    prefix="events/dt=!{partitionKeyFromLambda:dt}/",
    error_prefix="errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/",
)
COLUMNS = (("n", "bigint"), ("money", "decimal(18,2)"))
SCHEMA = arrow_schema(COLUMNS)

Answer = dict[str, Any]


def record(number: int, data: bytes | None = None, shard_id: str = "s-0") -> SourceRecord:
    """A record whose data is its number, unless other data is given."""
    return SourceRecord(
        f"{shard_id}:{number}:0", data or str(number).encode(), shard_id, str(number), 0, "1", 1_000, 2_000
    )


def transformed(source: Any) -> Answer:  # noqa: ANN401 -- parsed JSON
    """A correct function's answer for one record: a row in the partition of the last digit, or a refusal of text."""
    data = base64.b64decode(source["data"])
    if not data.isdigit():
        return {"recordId": source["recordId"], "result": "ProcessingFailed"}
    row = json.dumps({"n": int(data), "money": f"{int(data)}.10"}).encode()
    keys = {"dt": f"day-{int(data) % 10}"}
    return {
        "recordId": source["recordId"],
        "result": "Ok",
        "data": base64.b64encode(row).decode(),
        "metadata": {"partitionKeys": keys},
    }


def function(payload: bytes) -> bytes:
    return json.dumps({"records": [transformed(each) for each in json.loads(payload)["records"]]}).encode()


@dataclass
class World:
    """The ports of a delivery, and what it has written.

    Attributes:
        invoke: the function. A test may replace it.
        refuses: called before each put. If it returns True, the put fails.
    """

    invoke: Callable[[bytes], bytes] = function
    refuses: Callable[[], bool] = lambda: False
    objects: dict[str, bytes] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def delivery(self, config: DeliveryConfig = CONFIG) -> Delivery:
        names = Names("arn:aws:kinesis:eu-central-1:0:stream/s", "lake", "arn:function", {"tableName": "t"})
        return Delivery(config, SCHEMA, names, Ports(self.invoked, self.put, lambda: f"u{next(self.numbers)}"))

    def invoked(self, payload: bytes) -> bytes:
        self.batches.append(len(json.loads(payload)["records"]))
        return self.invoke(payload)

    def put(self, key: str, body: bytes) -> None:
        if self.refuses():
            raise ConnectionError("S3 is unavailable")
        assert key not in self.objects
        self.objects[key] = body

    def rows(self) -> list[int]:
        """The numbers of all rows in all files."""
        files = [body for key, body in self.objects.items() if key.endswith(".parquet")]
        return sorted(number for body in files for number in pq.read_table(BytesIO(body))["n"].to_pylist())

    def failures(self, error_type: str = "processing-failed") -> list[dict[str, Any]]:
        bodies = [body for key, body in self.objects.items() if key.startswith(f"errors/{error_type}/")]
        return [json.loads(line) for body in bodies for line in body.splitlines()]
