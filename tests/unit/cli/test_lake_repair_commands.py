"""`account-events lake redrive` and `lake backfill` on a stack on AWS: what they print and what they refuse."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from account_events.avro.codec import CONTRACT, Codec
from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from ops.cli.app import app
from ops.deployment import stack as deployed
from ops.lake import deployed_lake
from ops.lake.query.duckdb_engine import DuckDBEngine
from tests.support.ctrl_c import Pressed
from tests.unit.consumer.given import encoded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIRST_DAY = "2026-01-31"
"""The day of every event in these tests."""
ROW = json.loads(Rows(Decoder(), FIRST_DAY).row(encoded("a-1", 1)[0], None).line)
ODD_KEY = "errors/x[/b][red]:smile:"
"""Contains two texts that look like Rich markup, and one that looks like an emoji code."""


class Bucket:
    """The lake's bucket, with rows that could not be converted to Parquet. Their redrive invokes no function."""

    def __init__(self, s3: "S3Client") -> None:
        self._s3 = s3
        s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def keep(self, key: str, *rows: object) -> None:
        payloads = [base64.b64encode(json.dumps(row).encode()).decode() for row in rows]
        lines = [json.dumps({"arrivalTimestamp": 1_785_000_000_000, "rawData": payload}) for payload in payloads]
        self._s3.put_object(Bucket="lake", Key=key, Body="\n".join(lines).encode())

    def keys(self, prefix: str) -> list[str]:
        return [each["Key"] for each in self._s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Only CloudFormation's response is faked; tests/e2e/test_reconcile.py uses a deployed stack."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    outputs = {
        "LakeBucketName": "lake",
        "LakeTransformFunctionName": "transform",
        "EventStreamArn": "arn:aws:kinesis:eu-central-1:0:stream/s",
        "LakeFirstDay": FIRST_DAY,
    }
    monkeypatch.setattr(deployed, "outputs_of", {"bank": outputs}.__getitem__)
    with mock_aws():
        yield Bucket(boto3.client("s3"))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["lake", *arguments])


def test_a_key_that_looks_like_markup_is_printed_unchanged(bucket: Bucket) -> None:
    bucket.keep(ODD_KEY, ROW, ROW | {"occurred_at": "[/b]"})
    dry_run = call("redrive", "--stack", "bank", "--dry-run")
    assert dry_run.exit_code == 0, dry_run.output
    assert f"{ODD_KEY}: 2 records, 2 events\n" in dry_run.stdout
    redriven = call("redrive", "--stack", "bank")
    assert redriven.exit_code == 1, redriven.output
    assert f"{ODD_KEY}: 1 event put back, 1 still fail\n" in redriven.stdout
    assert "line 2: " in redriven.stderr
    assert len(bucket.keys("events/")) == 1


def test_an_event_from_before_the_stacks_first_day_is_not_put_back(bucket: Bucket) -> None:
    early = ROW | {"occurred_at": "2026-01-30 23:59:59.999999"}
    bucket.keep("errors/format-conversion-failed/1", early)
    redriven = call("redrive", "--stack", "bank")
    assert redriven.exit_code == 1, redriven.output
    assert "dated 2026-01-30" in redriven.stderr
    assert bucket.keys("") == ["errors/format-conversion-failed/1"]


@pytest.mark.parametrize("seconds", ["inf", "1e12", "2592001", "nan"])
def test_an_invalid_grace_period_is_a_usage_error(seconds: str) -> None:
    refused = call("backfill", "--all", f"--grace-s={seconds}", "--stack", "bank")
    assert refused.exit_code == 2, refused.output
    assert "--grace-s" in refused.stderr


@pytest.mark.usefixtures("bucket")
def test_ctrl_c_interrupts_a_duckdb_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployed_lake.Lake, "duckdb", lambda _: DuckDBEngine(str(tmp_path)))
    monkeypatch.setattr("ops.deployment.stack.Deployment.codec", lambda _: Codec(CONTRACT))
    with Pressed() as pressed:
        monkeypatch.setattr("ops.cli.lake_repair.MissingSink", lambda connection, *_: pressed.execute(connection))
        result = call("backfill", "--all", "--stack", "bank", "--grace-s", "0")
    assert result.exit_code == 130
    assert "interrupted: files that are already in the lake stay; run the command again" in result.stderr
