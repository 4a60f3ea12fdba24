"""A fake Firehose that runs in its own thread: it reads the stream, invokes the function and writes to the bucket."""

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

# Kinesis API reference, GetRecords: five per second and shard, shared with other consumers.
POLL_INTERVAL_S = 0.5
ERROR_BACKOFF = Backoff(initial_s=0.25, factor=2.0, limit_s=5.0)


@dataclass(frozen=True)
class FirehoseClients:
    """The AWS clients, by role. `functions` must make one attempt per call, because Firehose itself retries."""

    kinesis: "KinesisClient"
    functions: "LambdaClient"
    s3: "S3Client"
    glue: "GlueClient"


@dataclass(frozen=True, slots=True)
class FirehoseStatus:
    """Status of the delivery.

    Attributes:
        is_idle: the last cycle found no new records, and everything read is written.
        errors: number of failed reads and writes; each is retried.
        checkpoints: sequence number by shard, from which a new runner may resume.
        records_read: the number of records that this runner has read from the stream.
    """

    is_running: bool
    is_idle: bool
    totals: Totals
    errors: int
    last_error: str | None
    checkpoints: Mapping[str, str]
    records_read: int = 0


class FirehoseRunner:
    """Our fake of Amazon Data Firehose, between the event stream and the lake; use `start` and `stop`.

    It begins with the oldest record of the stream. Firehose begins with the records that arrive after its creation.

    Args:
        config: settings of the delivery stream.
        bucket: name of the lake's bucket.
        table: database and name of the Glue table that defines the columns.
        stream_arn: ARN of the event stream.
        function_arn: name or ARN of the transform function.
        name: name of the delivery stream, part of the objects' names.
        clients: AWS clients.
        clock: returns seconds since 1970.
        resume_after: sequence number by shard: the checkpoints of an earlier runner.
        poll_interval_s: seconds between polls while there are no records.
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
        poll_interval_s: float = POLL_INTERVAL_S,
    ) -> None:
        self._poll_interval_s = poll_interval_s
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
        self._errors, self._errors_in_a_row, self._records_read = 0, 0, 0
        self._last_error: str | None = None

    def start(self) -> None:
        """Start reading.

        Raises:
            RuntimeError: the runner is already running.
        """
        self._loop.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop after the current cycle, without writing the buffers. A new runner reads those records again.

        Returns:
            Whether the thread ended within `timeout_s`.
        """
        return self._loop.stop(timeout_s)

    def resume(self) -> None:
        """Run again after `stop`, even if it did not end the thread in time."""
        self._loop.resume()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until every record put on the stream before the call is in the bucket, as a row or as a failure.

        The call makes the runner write its buffers at once instead of waiting for their interval.

        Returns:
            False if that did not happen within `timeout_s`, or the runner is stopped.
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
            self._records_read,
        )

    def run_cycle(self) -> float:
        """Run one cycle over all shards, as the thread does. Do not call it while the runner is running.

        Returns:
            Seconds to wait before the next cycle.
        """
        return self._loop.run_cycle()

    def _cycle(self, is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as PollLoop calls it
        """Read, then write. While a caller waits, it writes all buffers once the stream is read or they are full."""
        self._flush |= is_awaited
        try:
            was_full = self._delivery.is_full()
            is_quiet = not was_full and self._read()
            self._delivery.work(self._clock(), flush=self._flush and (is_quiet or was_full))
        except Exception as error:  # the loop must survive any fault: it is logged, counted and shown
            logger.exception("The delivery to the lake failed")
            self._errors += 1
            self._errors_in_a_row += 1
            self._last_error = f"{type(error).__name__}: {error}"
            return PollCycle(ERROR_BACKOFF.delay_s(self._errors_in_a_row), is_idle=False)
        self._errors_in_a_row = 0
        self._flush &= not is_quiet
        # If the buffers are still full, there is nothing to do until an interval ends.
        is_waiting = is_quiet or self._delivery.is_full()
        return PollCycle(self._poll_interval_s if is_waiting else 0.0, is_idle=is_quiet and self._delivery.is_empty())

    def _read(self) -> bool:
        """Read every shard once, in any order, and return whether there were no new records."""
        is_quiet = True
        for shard in self._reader.shards():
            if shard.shard_id in self._ended:
                continue
            read = self._reader.read(shard.shard_id, self._last_read.get(shard.shard_id), TRIM_HORIZON)
            now_ms = round(self._clock() * 1000)
            for record in read.records:
                self._delivery.take(source_records(record.event, now_ms), self._clock())
                self._last_read[shard.shard_id] = record.sequence_number
                self._records_read += 1
            if read.ended:
                self._ended.add(shard.shard_id)
            is_quiet &= not read.records and not read.behind_ms
        return is_quiet

    def _invoke(self, payload: bytes) -> bytes:
        if len(payload) > PAYLOAD_BYTES_MAX:  # the emulator does not enforce this limit
            raise InvocationFailed("Lambda.FunctionError", f"The batch has {len(payload)} bytes; the limit is 6 MB.")
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
