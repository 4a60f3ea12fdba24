"""Firehose, the lake's transform and the lake's bucket; in the end, the failed records are redriven."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema
from consumers.lake.delivery.records import SourceRecord, source_records
from local_stack.firehose.config import DeliveryConfig
from local_stack.firehose.delivery import Delivery, InvocationFailed, Names, Ports
from local_stack.firehose.stack_delivery import deployed_delivery
from ops.lake.repair.redrive import Redrive
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.kinesis import Kinesis
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.consumer import kinesis_event
from tests.unit.lake.redrive_given import FIRST_DAY, Function, Killed, MemoryBucket

NAMES = Names("arn:aws:kinesis:eu-central-1:0:stream/events", "delivery", "arn:aws:lambda:::function:lake", {})
SCHEMA = arrow_schema([(column.name, column.glue_type) for column in table.COLUMNS])
REDRIVES_MAX = 10


class _Refused(Exception):
    """S3 does not answer."""


class Lake:
    """The delivery to the lake.

    Attributes:
        bucket: the lake's objects.
    """

    def __init__(self, fault_plan: FaultPlan, kinesis: Kinesis) -> None:
        self._fault_plan = fault_plan
        self._kinesis = kinesis
        self._numbers = count()
        self.bucket = MemoryBucket()
        self._read: dict[bytes, pa.Table] = {}
        self._function = Function()
        random = fault_plan.random
        self._config = replace(
            _deployed(),
            retries=random.choice((0, 3)),
            transform_bytes=random.choice((1, 400, 3_000)),
            transform_interval_s=random.choice((0.0, 5.0)),
            delivery_interval_s=random.choice((0.0, 10.0, 1_000.0)),
        )
        self._records: dict[str, list[list[SourceRecord]]] = {}
        self._seen = 0
        self._taken: dict[str, int] = {}
        self._delivery = self._new_delivery()

    def work(self) -> None:
        """Take new records of the stream, and deliver what is ready."""
        if self._fault_plan.strikes("firehose restarted"):
            self._restart()
        self._take()
        try:
            self._delivery.work(self._fault_plan.clock())
        except _Refused:
            return

    def finish(self) -> None:
        """Without further faults of Firehose, everything is written, or kept and redriven."""
        self._take()
        self._delivery.work(self._fault_plan.clock(), flush=True)
        if not self._delivery.is_empty():
            raise PromiseBroken("records stay in Firehose's buffers")

    def redrive(self) -> None:
        """Redrive all failed records; the command may be killed, and is then started again."""
        for _ in range(REDRIVES_MAX):
            if self._fault_plan.strikes("redrive killed"):
                self.bucket.calls_left = self._fault_plan.random.randint(0, 12)
                self.bucket.before = self._fault_plan.random.random() < 0.5
            try:
                failing = [each for redriven in self._redrive().run() for each in redriven.failing]
            except Killed:
                continue
            finally:
                self.bucket.calls_left = float("inf")
            if failing:
                raise PromiseBroken(f"records cannot be redriven: {failing}")
            return

    def tables(self) -> Iterator[tuple[dict[str, str], pa.Table]]:
        """Each file of the lake, with the values of its partition keys."""
        for key, body in sorted(self.bucket.objects.items()):
            if key.startswith(table.EVENTS_PREFIX):
                keys = dict(part.split("=", 1) for part in key.split("/") if "=" in part)
                if body not in self._read:
                    self._read[body] = pq.ParquetFile(BytesIO(body)).read(use_threads=False)
                yield keys, self._read[body]

    def rows(self) -> list[dict[str, Any]]:
        """All rows, repetitions included, with their partition keys."""
        return [row | keys for keys, rows in self.tables() for row in rows.to_pylist()]

    def _take(self) -> None:
        for arrived in self._kinesis.arrived[self._seen :]:
            shard_id = f"shardId-{arrived.shard.number:012d}"
            records = self._records.setdefault(shard_id, [])
            event = kinesis_event(arrived, len(records))
            records.append(source_records(event, round(self._fault_plan.clock() * 1000)))
        self._seen = len(self._kinesis.arrived)
        for shard_id, records in self._records.items():
            for record in records[self._taken.get(shard_id, 0) :]:
                self._delivery.take(record, self._fault_plan.clock())
            self._taken[shard_id] = len(records)

    def _restart(self) -> None:
        """Firehose continues after its checkpoints, so that it repeats what was not known to be written."""
        self._taken = {shard_id: int(number) for shard_id, number in self._delivery.checkpoints.items()}
        checkpoints = self._delivery.checkpoints
        self._delivery = self._new_delivery()
        self._delivery.checkpoints = dict(checkpoints)

    def _new_delivery(self) -> Delivery:
        return Delivery(self._config, SCHEMA, NAMES, Ports(self._invoke, self._put, lambda: str(next(self._numbers))))

    def _invoke(self, payload: bytes) -> bytes:
        if self._fault_plan.strikes("transform failed"):
            raise InvocationFailed("Lambda.FunctionError", "the function failed")
        answer = self._function(payload)
        if self._fault_plan.strikes("transform answer lost"):
            raise InvocationFailed("Lambda.FunctionTimedOut", "the answer was lost")
        return answer

    def _put(self, key: str, body: bytes) -> None:
        if self._fault_plan.strikes("object refused"):
            raise _Refused
        self.bucket.objects[key] = body
        if self._fault_plan.strikes("object answer lost"):
            raise _Refused

    def _redrive(self) -> Redrive:
        return Redrive(
            self.bucket,
            self._function,
            lambda invocation_id: self._function.reasons[invocation_id],
            lambda: str(next(self._numbers)),
            NAMES.stream_arn,
            FIRST_DAY,
        )


@cache
def _deployed() -> DeliveryConfig:
    return deployed_delivery()
