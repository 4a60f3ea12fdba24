"""Exports in a bucket: finding one, and the newest; the fake that writes them there."""

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
from ops.ledger.export.location import LATEST, find_export
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
