"""The program that docs/consuming.md shows for the KCL, run against a minimal fake of the KCL and moto."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from account_events.aggregation.unpacking import MAGIC
from tests.kcl import guide
from tests.support.read_model import make_table
from tests.unit.consumer.given import encoded, events_of

DAMAGED = MAGIC + bytes(20)


class KCLProcess:
    """Processes a shard as amazon_kclpy's class does: its records, an empty batch, and the end of the shard."""

    payloads: tuple[bytes, ...] = ()
    checkpoints: list[tuple[Any, ...]]

    def __init__(self, processor: Any) -> None:  # noqa: ANN401 -- amazon_kclpy is untyped
        self._processor = processor

    def run(self) -> None:
        records = [
            SimpleNamespace(sequence_number=str(number), sub_sequence_number=0, binary_data=data)
            for number, data in enumerate(self.payloads, 1)
        ]
        checkpointer = SimpleNamespace(checkpoint=lambda *position: self.checkpoints.append(position))
        self._processor.initialize(SimpleNamespace(shard_id="shardId-000000000000"))
        for batch in (records, []):
            self._processor.process_records(SimpleNamespace(records=batch, checkpointer=checkpointer))
        self._processor.shard_ended(SimpleNamespace(checkpointer=checkpointer))


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    kcl = ModuleType("amazon_kclpy.kcl")
    kcl.KCLProcess = KCLProcess  # type: ignore[attr-defined]  # a fake module
    package = ModuleType("amazon_kclpy")
    package.kcl = kcl  # type: ignore[attr-defined]  # as above
    monkeypatch.setitem(sys.modules, "amazon_kclpy", package)
    monkeypatch.setitem(sys.modules, "amazon_kclpy.kcl", kcl)
    with mock_aws():
        yield


@pytest.mark.usefixtures("_aws")
def test_the_program_applies_events_and_keeps_unreadable_ones(capsys: pytest.CaptureFixture[str]) -> None:
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    make_table(dynamodb, "AccountsByOwnerInbox", "inbox")
    dynamodb.create_table(
        TableName="balances",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "AccountId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "AccountId", "KeyType": "HASH"}],
    )
    s3.create_bucket(Bucket="unreadable-events")
    first, second, third = encoded("a", 3)
    KCLProcess.payloads, KCLProcess.checkpoints = (first, second, DAMAGED, third, second), []
    exec(compile(guide.files()[guide.PROGRAM], guide.PROGRAM, "exec"), {"__name__": "__main__"})  # noqa: S102 -- the guide's program
    [balance] = dynamodb.scan(TableName="balances")["Items"]
    assert Decimal(balance["Balance"]["N"]) == events_of("a", 3)[-1].balance
    assert (balance["LastSequence"], balance["Events"]) == ({"N": "3"}, {"N": "3"})
    [kept] = s3.list_objects_v2(Bucket="unreadable-events")["Contents"]
    assert kept["Key"] == "3/0"
    assert s3.get_object(Bucket="unreadable-events", Key="3/0")["Body"].read() == DAMAGED
    assert KCLProcess.checkpoints == [("5", 0), ()]
    out, err = capsys.readouterr()
    assert out == "", "stdout is reserved for the KCL's protocol"
    kept_line, failed_line = err.splitlines()
    assert kept_line.startswith("kept 3/0: ")
    assert failed_line.startswith("failed: ")


def test_the_properties_match_the_guide() -> None:
    properties = guide.properties(guide.files()[guide.PROPERTIES])
    assert properties["executableName"] == f"python {guide.PROGRAM}"
    assert properties["callProcessRecordsEvenForEmptyRecordList"] == "true"
    assert int(properties["shutdownGraceMillis"]) > 0
