"""The metrics with which Lambda and Firehose report that they make progress, published by our fakes.

`account-events doctor` reads them on AWS and locally, so a stopped fake is found as a stopped service is.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local_stack.event_source_mapping.status import MappingStatus
from local_stack.firehose.runner import FirehoseStatus
from local_stack.poll_loop import PollCycle, PollLoop

logger = logging.getLogger(__name__)

INTERVAL_S = 3.0
"""AWS publishes these metrics every minute; the local stack more often, so that nobody has to wait for them."""
PUBLISH_TIMEOUT_S = 10.0


class _Mapping(Protocol):
    def status(self) -> MappingStatus: ...


class ProgressMetrics:
    """Publishes the metrics in its own thread.

    - AWS/Lambda `PolledEventCount` of each mapping that has completed a poll cycle since the last time, 0 included. A
      mapping that is stopped, or whose polls fail, emits nothing (AWS Lambda developer guide, Event source mapping
      metrics).
    - AWS/Firehose `DataReadFromKinesisStream.Records` of the delivery stream if it is running.

    Args:
        client: a client of the emulator's CloudWatch.
        mappings: the fakes by UUID of their mapping.
        delivery_name: name of the delivery stream.
        delivery: returns the status of the fake Firehose.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 -- boto3-stubs[cloudwatch] is not installed
        mappings: Mapping[str, _Mapping],
        delivery_name: str,
        delivery: Callable[[], FirehoseStatus],
    ) -> None:
        self._client, self._mappings, self._delivery_name, self._delivery = client, mappings, delivery_name, delivery
        self._polled: dict[str, MappingStatus] = {}
        self._rows = 0
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
                self._publish_polls(uuid, mapping.status())
            self._publish_reads(self._delivery())
        except (BotoCoreError, ClientError) as error:  # the emulator may be stopping
            logger.info("metrics not published: %s", error)
        return PollCycle(INTERVAL_S, is_idle=True)

    def _publish_polls(self, uuid: str, status: MappingStatus) -> None:
        before, self._polled[uuid] = self._polled.get(uuid), status
        if not status.running or (before and (status.cycles == before.cycles or status.errors > before.errors)):
            return
        read = max(0, _records(status) - (_records(before) if before else 0))  # a new poller counts from zero
        self._put("AWS/Lambda", "PolledEventCount", "EventSourceMappingUUID", uuid, read)

    def _publish_reads(self, status: FirehoseStatus) -> None:
        read = status.totals.rows + status.totals.failed.total()
        before, self._rows = self._rows, read
        if status.is_running:
            self._put(
                *("AWS/Firehose", "DataReadFromKinesisStream.Records", "DeliveryStreamName", self._delivery_name),
                read - before,
            )

    def _put(self, namespace: str, metric: str, dimension: str, value: str, count: int) -> None:
        data = {
            "MetricName": metric,
            "Dimensions": [{"Name": dimension, "Value": value}],
            "Value": count,
            "Unit": "Count",
        }
        self._client.put_metric_data(Namespace=namespace, MetricData=[data])


def _records(status: MappingStatus) -> int:
    totals = status.totals
    return totals.delivered + totals.discarded + totals.filtered + sum(shard.buffered for shard in status.shards)
