"""Clients for the fake Firehose, on top of an in-memory stream and the ports of a `World`, and a runner with them."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from local_stack.firehose.config import DeliveryConfig
from local_stack.firehose.runner import FirehoseClients, FirehoseRunner
from tests.unit.event_source_mapping.fake_aws import FakeClock
from tests.unit.event_source_mapping.given import KINESIS_ARN
from tests.unit.event_source_mapping.kinesis_stream import KinesisShard, KinesisStream
from tests.unit.firehose.given import COLUMNS, World


@dataclass
class FakeFunctions:
    """A client for Lambda."""

    world: World

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        assert FunctionName == "arn:function"
        return {"StatusCode": 200, "Payload": BytesIO(self.world.invoked(Payload))}


@dataclass
class FakeS3:
    """A client for S3 with one bucket."""

    world: World

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - the SDK's names
        assert Bucket == "lake"
        self.world.put(Key, Body)


class FakeGlue:
    """A client for Glue with one table."""

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        assert (DatabaseName, Name) == ("d", "t")
        columns = [{"Name": name, "Type": glue_type} for name, glue_type in COLUMNS]
        return {"Table": {"StorageDescriptor": {"Columns": columns}}}


def stream_of(clock: FakeClock, *numbers: int, page: int) -> KinesisStream:
    """A stream with one shard, of which a read returns at most `page` records."""
    stream = KinesisStream(clock, {"s-0": KinesisShard()}, read_limit=page)
    stream.put("s-0", *numbers)
    return stream


def runner_on(world: World, stream: KinesisStream, clock: FakeClock, config: DeliveryConfig) -> FirehoseRunner:
    clients = FirehoseClients(
        cast("Any", stream), cast("Any", FakeFunctions(world)), cast("Any", FakeS3(world)), cast("Any", FakeGlue())
    )
    return FirehoseRunner(
        config,
        bucket="lake",
        table=("d", "t"),
        stream_arn=KINESIS_ARN,
        function_arn="arn:function",
        name="lake",
        clients=clients,
        clock=clock,
    )
