"""Exports in a bucket: finding one, and the newest; the fake that writes them there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from account_core.rows.items import to_item
from local_stack.local_tables import make_table
from local_stack.table_export import TableExports, write_export
from ops.ledger.export.location import LATEST, STILL_WRITTEN, find_export
from ops.ledger.export.manifest import BadExport, Table
from tests.support.rows import history
from tests.unit.ledger_export.test_manifest import read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

ITEMS = [to_item(row) for account_id in "abcde" for row in history(account_id, 12)]
DAY = datetime(2026, 3, 1, tzinfo=UTC)


class Ledger:
    """A table with five accounts, and the bucket for its exports."""

    def __init__(self) -> None:
        self.dynamodb: DynamoDBClient = boto3.client("dynamodb")
        self.s3: S3Client = boto3.client("s3")
        self.s3.create_bucket(Bucket="copies", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.name = make_table(self.dynamodb)
        for item in ITEMS:
            self.dynamodb.put_item(TableName=self.name, Item=item)
        self.table = Table(arn := self.dynamodb.describe_table(TableName=self.name)["Table"]["TableArn"], arn)

    def write(self, name: str, time: datetime) -> str:
        return write_export(
            self.dynamodb,
            self.s3,
            table_name=self.name,
            table_arn=self.table.arn,
            table_id=self.table.table_id or "",
            bucket="copies",
            prefix=f"exports/{name}",
            export_time=time,
            export_id="01234567890123-a1b2c3d4",
        )


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield Ledger()


@pytest.mark.parametrize("cut", ["", "/", "/AWSDynamoDB/01234567890123-a1b2c3d4"])
def test_an_export_in_a_bucket_is_found_and_read(ledger: Ledger, tmp_path: Path, cut: str) -> None:
    location = ledger.write("one", DAY)
    ledger.write("one-more", DAY)
    found = find_export(ledger.s3, f"s3://copies/exports/one{cut}", ledger.table, "copies")
    assert (found.export.location, found.export.items) == (location, len(ITEMS))
    assert {str(item) for item in read_all(found, tmp_path)} == {str(item) for item in ITEMS}
    assert list(tmp_path.iterdir()) == [], "downloads are deleted"


def test_the_newest_complete_export_of_the_table_is_the_latest(ledger: Ledger) -> None:
    newest = ledger.write("a", DAY + timedelta(hours=2))
    ledger.write("b", DAY)
    incomplete = ledger.write("c", DAY + timedelta(hours=3)).removeprefix("s3://copies/")
    ledger.s3.delete_object(Bucket="copies", Key=f"{incomplete}manifest-files.json")
    others = Table(f"{ledger.table.arn}-of-others", ledger.table.table_id)
    ledger.table, own = others, ledger.table
    ledger.write("d", DAY + timedelta(hours=4))
    assert find_export(ledger.s3, LATEST, own, "copies").export.location == newest


@pytest.mark.parametrize("missing", ["manifest-summary", "manifest-files"])
@pytest.mark.parametrize("suffix", ["json", "checksum"])
def test_while_an_export_is_written_the_one_before_is_the_latest(ledger: Ledger, missing: str, suffix: str) -> None:
    before = ledger.write("a", DAY)
    running = ledger.write("b", DAY + timedelta(hours=2))
    ledger.write("older", DAY - timedelta(hours=2))
    ledger.s3.delete_object(Bucket="copies", Key=f"{running.removeprefix('s3://copies/')}{missing}.{suffix}")
    lines: list[str] = []
    found = find_export(ledger.s3, LATEST, ledger.table, "copies", skipped=lines.append)
    assert found.export.location == before
    assert lines == [f"not used: {running} is still running, or failed: it has no {missing}.{suffix}"]


def test_an_older_export_without_its_files_is_not_mentioned(ledger: Ledger) -> None:
    old = ledger.write("a", DAY).removeprefix("s3://copies/")
    ledger.s3.delete_object(Bucket="copies", Key=f"{old}manifest-summary.checksum")
    newest = ledger.write("b", DAY + timedelta(hours=2))
    lines: list[str] = []
    found = find_export(ledger.s3, LATEST, ledger.table, "copies", skipped=lines.append)
    assert (found.export.location, lines) == (newest, [])


def test_a_checksum_that_will_not_be_written_any_more_is_damage(ledger: Ledger) -> None:
    ledger.write("a", DAY)
    damaged = ledger.write("b", DAY + timedelta(hours=2)).removeprefix("s3://copies/")
    ledger.s3.delete_object(Bucket="copies", Key=f"{damaged}manifest-files.checksum")

    def later() -> datetime:
        return datetime.now(UTC) + STILL_WRITTEN

    with pytest.raises(BadExport, match=r"/b/.*it has no manifest-files\.checksum"):
        find_export(ledger.s3, LATEST, ledger.table, "copies", now=later)


def test_a_wrong_checksum_of_the_latest_export_is_refused(ledger: Ledger) -> None:
    ledger.write("a", DAY)
    damaged = ledger.write("b", DAY + timedelta(hours=2)).removeprefix("s3://copies/")
    ledger.s3.put_object(Bucket="copies", Key=f"{damaged}manifest-files.checksum", Body=b"wrong")
    with pytest.raises(BadExport, match=r"/b/.*the MD5 of manifest-files\.json is not the one"):
        find_export(ledger.s3, LATEST, ledger.table, "copies")


@pytest.mark.parametrize(
    ("summary", "reason"), [(b"{", "is not a JSON object"), (None, "has the unknown version 'of tomorrow'")]
)
def test_a_newer_export_that_cannot_be_read_is_named(ledger: Ledger, summary: bytes | None, reason: str) -> None:
    before = ledger.write("a", DAY)
    key = f"{ledger.write('b', DAY + timedelta(hours=2)).removeprefix('s3://copies/')}manifest-summary.json"
    known = json.loads(ledger.s3.get_object(Bucket="copies", Key=key)["Body"].read())
    body = summary or json.dumps({**known, "version": "of tomorrow"}).encode()
    ledger.s3.put_object(Bucket="copies", Key=key, Body=body)
    lines: list[str] = []
    assert find_export(ledger.s3, LATEST, ledger.table, "copies", skipped=lines.append).export.location == before
    [line] = lines
    assert line.startswith("not used: s3://copies/exports/b/")
    assert reason in line


def test_without_a_complete_export_the_running_one_is_named(ledger: Ledger) -> None:
    running = ledger.write("a", DAY)
    ledger.s3.delete_object(Bucket="copies", Key=f"{running.removeprefix('s3://copies/')}manifest-summary.json")
    lines: list[str] = []
    with pytest.raises(BadExport, match="has no complete export"):
        find_export(ledger.s3, LATEST, ledger.table, "copies", skipped=lines.append)
    assert lines == [f"not used: {running} is still running, or failed: it has no manifest-summary.json"]


def test_without_an_export_there_is_no_latest(ledger: Ledger) -> None:
    with pytest.raises(BadExport, match="make one with `account-events export`"):
        find_export(ledger.s3, LATEST, ledger.table, "copies")


def test_an_export_that_is_repeated_with_its_token_is_not_written_twice(ledger: Ledger) -> None:
    asked = {"TableArn": ledger.table.arn, "S3Bucket": "copies", "S3Prefix": "exports/x", "ClientToken": "x"}
    for day in (1, 2):
        exports = TableExports(ledger.dynamodb, ledger.s3, DAY.replace(day=day))
        made = exports.export_table_to_point_in_time(**asked)["ExportDescription"]
        assert exports.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]["ExportStatus"] == "COMPLETED"
    found = find_export(ledger.s3, "s3://copies/exports/x", ledger.table, "copies")
    assert found.export.export_time == DAY
