"""The metrics with which Lambda, Kinesis and Firehose report their progress, published by our fakes.

`account-events doctor` and `local_stack.alarms` read them, so a stopped fake is found as a stopped service is on AWS.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from account_events.lambda_mapping.config import MappingConfig
from local_stack.event_source_mapping.status import MappingStatus
from local_stack.firehose.runner import FirehoseStatus
from local_stack.poll_loop import PollCycle, PollLoop

logger = logging.getLogger(__name__)

INTERVAL_S = 3.0
"""AWS publishes these metrics every minute; the local stack more often, so that nobody has to wait for them."""
PUBLISH_TIMEOUT_S = 10.0
MAPPING, FUNCTION, STREAM, DELIVERY = "EventSourceMappingUUID", "FunctionName", "StreamName", "DeliveryStreamName"
"""Names of dimensions."""


class _Mapping(Protocol):
    @property
    def config(self) -> MappingConfig: ...
    def status(self) -> MappingStatus: ...


class ProgressMetrics:
    """Publishes the metrics in its own thread.

    - AWS/Lambda `PolledEventCount` of each mapping that has completed a poll cycle since the last time, 0 included. A
      mapping that is stopped, or whose polls fail, emits nothing (AWS Lambda developer guide, Event source mapping
      metrics).
    - AWS/Lambda `OnFailureDestinationDeliveredEventCount` of each mapping that has discarded records since the last
      time; `DroppedEventCount` if it has no destination for them.
    - AWS/Lambda `IteratorAge` of each function whose mapping has invoked it since the last time, or has records for it.
    - AWS/Kinesis `IncomingRecords` of the event stream. As on AWS, they are reported a little after they have arrived.
    - AWS/Firehose `DataReadFromKinesisStream.Records` of the delivery stream if it is running.

    Args:
        client: a client of the emulator's CloudWatch.
        mappings: the fakes by UUID of their mapping.
        delivery_name: name of the delivery stream.
        delivery: returns the status of the fake Firehose.
        stream_name: name of the event stream.
        arrivals: returns the number of records that have arrived on the event stream since its last call.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 -- boto3-stubs[cloudwatch] is not installed
        mappings: Mapping[str, _Mapping],
        delivery_name: str,
        delivery: Callable[[], FirehoseStatus],
        *,
        stream_name: str = "",
        arrivals: Callable[[], int] = lambda: 0,
    ) -> None:
        self._client, self._mappings, self._delivery_name, self._delivery = client, mappings, delivery_name, delivery
        self._stream_name, self._arrivals = stream_name, arrivals
        self._published: dict[str, MappingStatus] = {}
        self._read = self._arrived = 0
        self._loop = PollLoop("progress-metrics", self._cycle)

    def start(self) -> None:
        """Start publishing."""
        self._loop.start()

    def stop(self) -> None:
        """Stop publishing."""
        self._loop.stop()

    def publish(self) -> None:
        """Publish now, and return when it is done."""
        self._loop.wait_until_idle(PUBLISH_TIMEOUT_S)

    def _cycle(self, _is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as PollLoop calls it
        try:
            for uuid, mapping in self._mappings.items():
                status, before = mapping.status(), self._published.get(uuid)
                self._published[uuid] = status
                self._publish_polls(uuid, status, before)
                self._publish_discards(uuid, status, before, has_destination=mapping.config.on_failure_arn is not None)
                self._publish_age(mapping.config.function_arn, status, before)
            self._publish_reads(self._delivery())
            self._publish_arrivals()
        except (BotoCoreError, ClientError) as error:  # the emulator may be stopping
            logger.info("metrics not published: %s", error)
        return PollCycle(INTERVAL_S, is_idle=True)

    def _publish_polls(self, uuid: str, status: MappingStatus, before: MappingStatus | None) -> None:
        if not status.running or (before and (status.cycles == before.cycles or status.errors > before.errors)):
            return
        read = max(0, _records(status) - (_records(before) if before else 0))  # a new poller counts from zero
        self._put("AWS/Lambda", "PolledEventCount", MAPPING, uuid, read)

    def _publish_discards(
        self, uuid: str, status: MappingStatus, before: MappingStatus | None, *, has_destination: bool
    ) -> None:
        discarded = status.totals.discarded
        known = before.totals.discarded if before else 0
        if new := discarded - known if discarded >= known else discarded:
            name = "OnFailureDestinationDeliveredEventCount" if has_destination else "DroppedEventCount"
            self._put("AWS/Lambda", name, MAPPING, uuid, new)

    def _publish_age(self, function_arn: str, status: MappingStatus, before: MappingStatus | None) -> None:
        has_work = any(shard.buffered for shard in status.shards)
        if status.running and (has_work or (before and status.totals.invocations != before.totals.invocations)):
            age_ms = max((shard.iterator_age_ms for shard in status.shards), default=0)
            self._put(
                "AWS/Lambda", "IteratorAge", FUNCTION, function_arn.rpartition(":")[2], age_ms, unit="Milliseconds"
            )

    def _publish_reads(self, status: FirehoseStatus) -> None:
        before, self._read = self._read, status.records_read
        if status.is_running:
            new = status.records_read - before if status.records_read >= before else status.records_read
            self._put("AWS/Firehose", "DataReadFromKinesisStream.Records", DELIVERY, self._delivery_name, new)

    def _publish_arrivals(self) -> None:
        """Publish those of the last cycle, which Firehose has had time to read."""
        arrived, self._arrived = self._arrived, self._arrivals()
        if arrived:
            self._put("AWS/Kinesis", "IncomingRecords", STREAM, self._stream_name, arrived)

    def _put(self, namespace: str, metric: str, dimension: str, value: str, count: int, *, unit: str = "Count") -> None:
        data = {
            "MetricName": metric,
            "Dimensions": [{"Name": dimension, "Value": value}],
            "Value": count,
            "Unit": unit,
        }
        self._client.put_metric_data(Namespace=namespace, MetricData=[data])


def _records(status: MappingStatus) -> int:
    totals = status.totals
    return totals.delivered + totals.discarded + totals.filtered + sum(shard.buffered for shard in status.shards)
