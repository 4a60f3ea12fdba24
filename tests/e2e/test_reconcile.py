"""Reconcile finds every difference between a damaged lake and the ledger; repairs make them equal again."""

import base64
import json
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest

from account_core.domain.events import EventRow
from account_events.aggregation.packing import aggregate
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import decode
from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from local_stack.local_deployment import LocalDeployment
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.ledger_pages import skip_scan_parsing
from ops.lake.reconcile.result import LATEST_KEY, ReconciliationResult, from_json
from tests.support.terminal import account_events

SETTLE_TIMEOUT_S = 60.0
SCHEMA = arrow_schema([(column.name, column.glue_type) for column in table.COLUMNS])
NO_GRACE = ("reconcile", "--grace-s", "0")


def open_account(deployment: LocalDeployment, *credits_: str, currency: str = "EUR") -> str:
    with deployment.address.http() as api:
        account_id: str = api.post("/accounts", json={"owner": "owner-1", "currency": currency}).json()["accountId"]
        for amount in credits_:
            assert api.post(f"/accounts/{account_id}/credit", json={"amount": amount}).status_code == 200
    return account_id


class Bucket:
    """The lake's files, with methods to damage them."""

    def __init__(self, deployment: LocalDeployment) -> None:
        self._s3, self._name = deployment.address.client("s3"), deployment.address.outputs["LakeBucketName"]
        self._deployment = deployment

    def keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def get(self, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=self._name, Key=key)["Body"].read()
        return body

    def put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self._name, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._name, Key=key)

    def rows(self) -> list[dict[str, Any]]:
        """Return every event once, as text."""
        records = Lake.of(Deployment.local(self._deployment.address)).duckdb().query("SELECT * FROM events").records()
        return [
            {name: value if isinstance(value, int) or value is None else str(value) for name, value in record.items()}
            for record in records
        ]

    def replace_events(self, rows: list[dict[str, Any]]) -> None:
        for key in self.keys("events/"):
            self.delete(key)
        for number, row in enumerate(rows):
            key = f"{table.partition_prefix(row['dt'], row['event_type'])}spoiled-{number}.parquet"
            self.put(key, parquet([row], SCHEMA))

    def result(self) -> ReconciliationResult:
        return from_json(self.get(LATEST_KEY))


@pytest.fixture(scope="module")
def lake_deployment() -> Iterator[LocalDeployment]:
    """A local stack for this module, whose lake is damaged; each test repairs it."""
    with LocalDeployment() as deployment:
        yield deployment


@pytest.fixture
def bucket(lake_deployment: LocalDeployment) -> Bucket:
    return Bucket(lake_deployment)


def ledger_size(deployment: LocalDeployment) -> tuple[int, int]:
    """Return the number of events and accounts in the table."""
    rows = [row for row in deployment.rows() if isinstance(row, EventRow)]
    return len(rows), len({row.account_id for row in rows})


def test_reconcile_finds_a_damaged_lake_and_backfill_repairs_it(
    lake_deployment: LocalDeployment, bucket: Bucket
) -> None:
    account_id = open_account(
        lake_deployment, "10.00", "20.00", "30.00", currency="CHF"
    )  # a currency that no other test uses
    open_account(lake_deployment, "0.01", currency="CHF")
    assert lake_deployment.wait_until_idle(SETTLE_TIMEOUT_S)
    agreeing = account_events(lake_deployment.address, *NO_GRACE)
    events, accounts = ledger_size(lake_deployment)
    assert agreeing.returncode == 0, agreeing.stderr
    assert f"{events} events of {accounts} accounts" in agreeing.stdout
    assert (bucket.result().agrees, bucket.result().events) == (True, events)

    rows = bucket.rows()
    [third] = [row for row in rows if (row["account_id"], row["sequence"]) == (account_id, 3)]
    [second] = [row for row in rows if (row["account_id"], row["sequence"]) == (account_id, 2)]
    spoiled = [row for row in rows if row not in (second, third)]
    spoiled += [second | {"amount": "10.01"}, third | {"account_id": "nobody", "event_id": "nobody:3"}]
    bucket.replace_events(spoiled)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "findings.jsonl"
        reconciled = account_events(lake_deployment.address, *NO_GRACE, "--output", str(output))
        findings = {
            (each["kind"], each["account_id"], each["sequence"])
            for each in map(json.loads, output.read_text().splitlines())
        }
    assert reconciled.returncode == 1
    assert findings == {("missing", account_id, 3), ("differing", account_id, 2), ("extra", "nobody", 3)}
    assert f"{account_id} event 2 differing: amount: ledger '10.00', lake '10.01'" in reconciled.stderr
    assert "lake 60.02, +0.01" in reconciled.stdout.replace("\n", " ")
    result = bucket.result()
    assert (result.missing, result.extra, result.differing, result.differing_accounts) == (1, 1, 1, 2)

    bucket.replace_events([row for row in spoiled if row["account_id"] not in {account_id, "nobody"}])
    written = account_events(lake_deployment.address, "lake", "backfill", account_id, "--grace-s", "600")
    assert written.returncode == 0, written.stderr
    assert "0 events written to 0 files" in written.stdout
    assert "4 left out, because they may be on their way" in written.stdout
    repaired = account_events(lake_deployment.address, "lake", "backfill", "--all", "--grace-s", "0")
    assert repaired.returncode == 0, repaired.stderr
    assert repaired.stdout.startswith(f"4 events written to 2 files, of {events} events of {accounts} accounts")
    files = bucket.keys("events/")
    again = account_events(lake_deployment.address, "lake", "backfill", "--all", "--grace-s", "0")
    assert again.stdout.startswith("0 events written")
    assert bucket.keys("events/") == files
    agreeing = account_events(lake_deployment.address, *NO_GRACE)
    assert (agreeing.returncode, bucket.result().agrees) == (0, True), agreeing.stderr


def test_reconcile_reports_files_outside_the_partitions(lake_deployment: LocalDeployment, bucket: Bucket) -> None:
    open_account(lake_deployment, "10.00", "20.00")
    assert lake_deployment.wait_until_idle(SETTLE_TIMEOUT_S)
    [key, *_] = [key for key in bucket.keys("events/") if "BalanceCredited" in key]
    body = bucket.get(key)
    strays = [f"{key.rpartition('/')[0]}/_hidden.parquet", "events/stray.parquet"]
    for stray in strays:
        bucket.put(stray, body)
    reported = account_events(lake_deployment.address, *NO_GRACE)
    assert reported.returncode == 1
    for stray in strays:
        assert f"{stray}: belongs to no partition" in reported.stderr
    assert ": 2 stray" in reported.stdout
    result = bucket.result()
    assert (result.agrees, result.files.stray, result.extra) == (False, 2, 0)
    assert set(result.files.strays) == set(strays)
    for stray in strays:
        bucket.delete(stray)

    read = pq.read_table(BytesIO(body), partitioning=None)
    amounts = pa.compute.add(read.column("amount").cast(pa.float64()), 0.0049)
    rounded = BytesIO()
    pq.write_table(read.set_column(read.column_names.index("amount"), "amount", amounts), rounded)
    bucket.put(key, rounded.getvalue())
    refused = account_events(lake_deployment.address, *NO_GRACE)
    assert refused.returncode == 1
    assert (
        f"{key} is not a valid file of the lake's table: its column amount is DOUBLE, not DECIMAL(18,2)"
        in refused.stderr
    )
    bucket.put(key, body)
    assert account_events(lake_deployment.address, *NO_GRACE).returncode == 0


def test_redrive_puts_failures_back_with_the_deployed_transform(
    lake_deployment: LocalDeployment, bucket: Bucket
) -> None:
    """Records of a batch that failed as a whole become rows; an event with an unknown schema still fails."""
    account_id = open_account(lake_deployment, "10.00", "20.00")
    assert lake_deployment.wait_until_idle(SETTLE_TIMEOUT_S)
    others = [row for row in bucket.rows() if row["account_id"] != account_id]
    bucket.replace_events(others)
    good = records_of(lake_deployment, account_id)
    unknown = b"\xc3\x01" + bytes(8) + b"unknown schema"
    documents = [
        {"attemptsMade": 4, "arrivalTimestamp": round(time.time() * 1000), "rawData": base64.b64encode(data).decode()}
        for data in (*good, aggregate("1", "1", [unknown]))
    ]
    key = "errors/processing-failed/dt=2026-08-01/batch"
    body = "".join(json.dumps(each) + "\n" for each in documents).encode()
    lake_deployment.address.client("s3").put_object(
        Bucket=lake_deployment.address.outputs["LakeBucketName"], Key=key, Body=body
    )
    dry_run = account_events(lake_deployment.address, "lake", "redrive", "--dry-run")
    assert (dry_run.returncode, bucket.get(key)) == (0, body)
    assert "4 events; nothing was changed" in dry_run.stdout

    redriven = account_events(lake_deployment.address, "lake", "redrive")
    assert redriven.returncode == 1, redriven.stderr
    assert "3 events put back, 1 still fail" in redriven.stdout
    assert "UnknownFingerprint" in redriven.stderr, redriven.stderr
    [left] = bucket.get(key).splitlines()
    assert unpack(base64.b64decode(json.loads(left)["rawData"])) == [unknown]
    [moved] = bucket.keys("redriven/")
    assert moved.startswith(f"redriven/{key}-")
    assert sum(row["account_id"] == account_id for row in bucket.rows()) == 3
    assert len(bucket.rows()) == len(others) + 3
    assert account_events(lake_deployment.address, *NO_GRACE).returncode == 0


def records_of(deployment: LocalDeployment, account_id: str) -> list[bytes]:
    """Return the event stream's records that contain only events of this account."""
    kinesis, stream = deployment.address.client("kinesis"), deployment.address.outputs["EventStreamName"]
    found = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]
    return [data for data in found if {decode(each).fields["account_id"] for each in unpack(data)} == {account_id}]


def test_unparsed_scans_return_the_same_items_as_botocore(deployment: LocalDeployment) -> None:
    open_account(deployment, *["1.00"] * 10)
    name = deployment.address.outputs["TableName"]
    parsed, unparsed = deployment.address.client("dynamodb"), deployment.address.client("dynamodb")
    skip_scan_parsing(unparsed)
    for more in ({}, {"Limit": 3, "ReturnConsumedCapacity": "TOTAL"}):
        pages = [client.scan(TableName=name, ConsistentRead=True, **more) for client in (parsed, unparsed)]
        for page in pages:
            del page["ResponseMetadata"]
        assert pages[0]["Items"]
        assert pages[0] == pages[1]
    with pytest.raises(unparsed.exceptions.ResourceNotFoundException):
        unparsed.scan(TableName="none")
