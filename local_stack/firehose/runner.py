"""The stand-in, running in a thread of its own: reads the stream, invokes the function, writes to the bucket."""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from account_events.lambda_mapping.retry import Backoff
from account_events.streams.kinesis_source import KinesisSource
from account_events.streams.reader import ShardReader
from account_events.streams.source import TRIM_HORIZON
from consumers.lake.delivery.contract import PAYLOAD_BYTES_MAX
from consumers.lake.delivery.parquet import arrow_schema
from consumers.lake.delivery.records import source_records
from local_stack.firehose.config import DeliveryConfig
from local_stack.firehose.delivery import Delivery, InvocationFailed, Names, Ports, Totals
from local_stack.poll_loop import STOP_TIMEOUT_S, PollCycle, PollLoop

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

# Kinesis API reference, GetRecords: five a second and shard; other consumers read too.
POLL_INTERVAL_S = 0.5
ERROR_BACKOFF = Backoff(initial_s=0.25, factor=2.0, limit_s=5.0)


@dataclass(frozen=True)
class FirehoseClients:
    """By role; `functions` invokes, with one attempt a call: retries are Firehose's business."""

    kinesis: "KinesisClient"
    functions: "LambdaClient"
    s3: "S3Client"
    glue: "GlueClient"


@dataclass(frozen=True, slots=True)
class FirehoseStatus:
    """As it is now.

    Attributes:
        is_idle: the last pass found nothing new, and everything read is written.
        errors: of reading, or of writing; each is tried again.
        checkpoints: by shard, after which a new stand-in may begin.
    """

    is_running: bool
    is_idle: bool
    totals: Totals
    errors: int
    last_error: str | None
    checkpoints: Mapping[str, str]


class FirehoseRunner:
    """Use `start` and `stop`. Begins with the oldest record of the stream, where Firehose begins with the newest.

    Args:
        config: see there.
        bucket: the lake's.
        table: database and name of the Glue table whose columns the rows have.
        stream_arn: of the events.
        function_arn: the transform's.
        name: the delivery stream's, part of the objects' names.
        clients: see there.
        clock: seconds since 1970.
        resume_after: sequence number by shard, an earlier one's checkpoints.
    """

    def __init__(
        self,
        config: DeliveryConfig,
        *,
        bucket: str,
        table: tuple[str, str],
        stream_arn: str,
        function_arn: str,
        name: str,
        clients: FirehoseClients,
        clock: Callable[[], float] = time.time,
        resume_after: Mapping[str, str] | None = None,
    ) -> None:
        self._bucket, self._clients, self._clock, self._function_arn = bucket, clients, clock, function_arn
        database, table_name = table
        found = clients.glue.get_table(DatabaseName=database, Name=table_name)["Table"]
        columns = [(column["Name"], column["Type"]) for column in found["StorageDescriptor"]["Columns"]]
        names = Names(stream_arn, name, function_arn, {"databaseName": database, "tableName": table_name})
        ports = Ports(self._invoke, self._put, lambda: str(uuid.uuid4()))
        self._delivery = Delivery(config, arrow_schema(columns), names, ports)
        self._reader = ShardReader(KinesisSource(clients.kinesis, stream_arn), clock)
        self._last_read = dict(resume_after or {})
        self._ended: set[str] = set()
        self._loop = PollLoop(name, self._cycle)
        self._flush = False
        self._errors, self._errors_in_a_row = 0, 0
        self._last_error: str | None = None

    def start(self) -> None:
        """Begin to read.

        Raises:
            RuntimeError: it is running already.
        """
        self._loop.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop after the pass under way, without writing what is buffered: a new one reads that again.

        Returns:
            Whether the thread has ended in time.
        """
        return self._loop.stop(timeout_s)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until everything put on the stream before the call is in the bucket, as rows or as failures.

        The buffers are written at once for it, not when their interval is over.

        Returns:
            False if that did not happen within `timeout_s`, or the runner was stopped.
        """
        return self._loop.wait_until_idle(timeout_s)

    def status(self) -> FirehoseStatus:
        totals = self._delivery.totals
        return FirehoseStatus(
            self._loop.is_running(),
            self._loop.is_idle,
            replace(totals, failed=Counter(totals.failed)),
            self._errors,
            self._last_error,
            dict(self._delivery.checkpoints),
        )

    def run_cycle(self) -> float:
        """One pass over all shards, as the thread does it. Not while it is running.

        Returns:
            Seconds to wait before the next.
        """
        return self._loop.run_cycle()

    def _cycle(self, is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as Passes calls it
        """Who waits has the buffers written once there is no more to read, or no room for it; until all is read."""
        self._flush |= is_awaited
        try:
            had_no_room = self._delivery.is_full()
            is_quiet = not had_no_room and self._read()
            self._delivery.work(self._clock(), flush=self._flush and (is_quiet or had_no_room))
        except Exception as error:  # the loop must outlive any fault: it is logged, counted and shown
            logger.exception("The delivery of the lake failed")
            self._errors += 1
            self._errors_in_a_row += 1
            self._last_error = f"{type(error).__name__}: {error}"
            return PollCycle(ERROR_BACKOFF.delay_s(self._errors_in_a_row), is_idle=False)
        self._errors_in_a_row = 0
        self._flush &= not is_quiet
        # Full still: until an interval is over there is nothing to do.
        is_waiting = is_quiet or self._delivery.is_full()
        return PollCycle(POLL_INTERVAL_S if is_waiting else 0.0, is_idle=is_quiet and self._delivery.is_empty())

    def _read(self) -> bool:
        """Every shard once; whether there was nothing new. Their order does not matter to Firehose."""
        is_quiet = True
        for shard in self._reader.shards():
            if shard.shard_id in self._ended:
                continue
            read = self._reader.read(shard.shard_id, self._last_read.get(shard.shard_id), TRIM_HORIZON)
            now_ms = round(self._clock() * 1000)
            for record in read.records:
                self._delivery.take(source_records(record.event, now_ms), self._clock())
                self._last_read[shard.shard_id] = record.sequence_number
            if read.ended:
                self._ended.add(shard.shard_id)
            is_quiet &= not read.records and not read.behind_ms
        return is_quiet

    def _invoke(self, payload: bytes) -> bytes:
        if len(payload) > PAYLOAD_BYTES_MAX:  # which the emulator would take
            raise InvocationFailed("Lambda.FunctionError", f"The batch has {len(payload)} bytes; 6 MB are the limit.")
        try:
            answer: Any = self._clients.functions.invoke(FunctionName=self._function_arn, Payload=payload)
            body: bytes = answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            raise InvocationFailed("Lambda.InvokeFailed", f"{type(error).__name__}: {error}") from error
        if answer.get("FunctionError"):
            raise InvocationFailed("Lambda.FunctionError", body.decode(errors="replace")[:1000])
        return body

    def _put(self, key: str, body: bytes) -> None:
        self._clients.s3.put_object(Bucket=self._bucket, Key=key, Body=body)
