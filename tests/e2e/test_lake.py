"""The local lake contains every event once, to the cent, and keeps events that cannot be rows."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.events import EventRow
from account_events.aggregation.packing import aggregate
from local_stack.local_deployment import LocalDeployment, all_rows
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from tests.unit.consumer.given import encoded

SETTLE_TIMEOUT_S = 60.0


def open_account(deployment: LocalDeployment, *credits_: str) -> str:
    """Open an account, credit these amounts and return its id."""
    with deployment.address.http() as api:
        account_id: str = api.post("/accounts", json={"owner": "owner-lake", "currency": "EUR"}).json()["accountId"]
        for amount in credits_:
            assert api.post(f"/accounts/{account_id}/credit", json={"amount": amount}).status_code == 200
    return account_id


def wait_until_idle(deployment: LocalDeployment) -> None:
    assert deployment.wait_until_idle(SETTLE_TIMEOUT_S), deployment.firehose.status()


def objects(deployment: LocalDeployment, prefix: str) -> dict[str, bytes]:
    s3, bucket = deployment.address.client("s3"), deployment.address.outputs["LakeBucketName"]
    keys = [
        found["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for found in page.get("Contents", [])
    ]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_every_event_of_the_ledger_is_in_the_lake_once(deployment: LocalDeployment) -> None:
    account_id = open_account(deployment, "0.01", "9999999999999.99", "25.50")
    wait_until_idle(deployment)
    engine = Lake.of(Deployment.local(deployment.address)).duckdb()
    found = engine.query(
        "SELECT sequence, event_id, event_type, amount, balance, currency, dt, occurred_at, published_at, owner "
        "FROM events WHERE account_id = ? ORDER BY sequence",
        [account_id],
    ).records()
    rows = [row for row in deployment.rows() if row.account_id == account_id and isinstance(row, EventRow)]
    assert [row["sequence"] for row in found] == [1, 2, 3, 4]
    assert [row["event_type"] for row in found] == ["AccountCreated"] + ["BalanceCredited"] * 3
    assert [row["amount"] for row in found] == [None, Decimal("0.01"), Decimal("9999999999999.99"), Decimal("25.50")]
    assert [row["balance"] for row in found] == [row.balance for row in sorted(rows, key=lambda row: row.version)]
    assert {row["event_id"] for row in found} == {f"{account_id}:{sequence}" for sequence in range(1, 5)}
    assert all(row["dt"] == f"{row['occurred_at']:%Y-%m-%d}" for row in found)
    assert all(row["published_at"] is not None for row in found)
    assert [row["owner"] for row in found] == ["owner-lake", None, None, None]


def test_the_ledger_and_the_lake_have_the_same_events(deployment: LocalDeployment) -> None:
    open_account(deployment, "1.00")
    wait_until_idle(deployment)
    rows = all_rows(deployment.address.client("dynamodb"), deployment.address.outputs["TableName"])
    ledger = {(row.account_id, row.sequence) for row in rows if isinstance(row, EventRow)}
    found = Lake.of(Deployment.local(deployment.address)).duckdb().query("SELECT account_id, sequence FROM events").rows
    assert {(account_id, sequence) for account_id, sequence in found} == ledger
    assert len(found) == len(ledger)


def test_an_event_that_cannot_be_a_row_is_kept_with_the_reason(own_deployment: LocalDeployment) -> None:
    kinesis, stream = own_deployment.address.client("kinesis"), own_deployment.address.outputs["EventStreamName"]
    good = encoded("a-poisoned", 2)
    bad = b"\xc3\x01" + bytes(8) + b"unknown schema"
    kinesis.put_record(StreamName=stream, PartitionKey="1", Data=aggregate("1", "1", [good[0], bad, good[1]]))
    # Do not wait for the whole stack, because the read model retries the event for a while.
    assert own_deployment.firehose.wait_until_idle(SETTLE_TIMEOUT_S)
    [(key, body)] = objects(own_deployment, "errors/processing-failed/").items()
    [document] = map(json.loads, body.splitlines())
    assert key.startswith("errors/processing-failed/dt=")
    assert base64.b64decode(document["rawData"]) == bad
    assert document["errorCode"] == "Lambda.ProcessingFailedStatus"
    [(_, reasons)] = objects(own_deployment, "errors/reasons/").items()
    [reason] = map(json.loads, reasons.splitlines())
    assert reason["error"] == "UnknownFingerprint"
    assert base64.b64decode(reason["data"]) == bad
    engine = Lake.of(Deployment.local(own_deployment.address)).duckdb()
    found = engine.query("SELECT sequence FROM events ORDER BY sequence").rows
    assert found == [(1,), (2,)]
    assert own_deployment.firehose.status().totals.failed == {"processing-failed": 1}


def test_the_view_shows_each_event_once_after_a_second_delivery(own_deployment: LocalDeployment) -> None:
    account_id = open_account(own_deployment, *["1.00"] * 10)
    wait_until_idle(own_deployment)
    checkpoints = own_deployment.firehose.status().checkpoints
    own_deployment.firehose.stop()
    from_start, from_checkpoints = own_deployment.delivery(), own_deployment.delivery(checkpoints)
    for delivery, rows in ((from_start, 11), (from_checkpoints, 0)):
        delivery.start()
        try:
            assert delivery.wait_until_idle(SETTLE_TIMEOUT_S)
            assert delivery.status().totals.rows == rows
        finally:
            delivery.stop()
    engine = Lake.of(Deployment.local(own_deployment.address)).duckdb()
    [[copies]] = engine.query("SELECT count(*) FROM account_events").rows
    found = engine.query("SELECT sequence FROM events WHERE account_id = ? ORDER BY sequence", [account_id]).rows
    assert copies == 22
    assert [sequence for [sequence] in found] == list(range(1, 12))


def test_an_unreachable_bucket_delays_the_lake_and_loses_nothing(
    own_deployment: LocalDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from local_stack.firehose.runner import FirehoseRunner  # noqa: PLC0415 -- only this test changes it

    put, refusals = FirehoseRunner._put, [OSError("no route to the bucket")] * 3  # noqa: SLF001 -- its only call of S3

    def unreliable(self: FirehoseRunner, key: str, body: bytes) -> None:
        if refusals:
            raise refusals.pop()
        put(self, key, body)

    own_deployment.firehose.stop()
    account_id = open_account(own_deployment, "5.00")
    monkeypatch.setattr(FirehoseRunner, "_put", unreliable)
    own_deployment.firehose = own_deployment.delivery()
    own_deployment.firehose.start()
    wait_until_idle(own_deployment)
    own_deployment.firehose.stop()
    assert not refusals
    assert own_deployment.firehose.status().errors == 3
    engine = Lake.of(Deployment.local(own_deployment.address)).duckdb()
    assert engine.query("SELECT sequence FROM events WHERE account_id = ? ORDER BY 1", [account_id]).rows == [
        (1,),
        (2,),
    ]


def test_the_deployed_transform_follows_the_firehose_contract(deployment: LocalDeployment) -> None:
    data = encoded("a-direct", 1)[0]
    records: list[dict[str, Any]] = [
        {"recordId": "r-0", "approximateArrivalTimestamp": 1, "data": base64.b64encode(data).decode()},
        {"recordId": "r-1", "approximateArrivalTimestamp": 1, "data": "e30="},
    ]
    answer = deployment.address.client("lambda").invoke(
        FunctionName=deployment.address.outputs["LakeTransformFunctionName"],
        Payload=json.dumps({"invocationId": "direct", "records": records}).encode(),
    )
    assert "FunctionError" not in answer
    first, second = json.loads(answer["Payload"].read())["records"]
    assert (first["recordId"], first["result"], second) == (
        "r-0",
        "Ok",
        {"recordId": "r-1", "result": "ProcessingFailed", "data": "e30="},
    )
    assert json.loads(base64.b64decode(first["data"]))["account_id"] == "a-direct"
    assert any(key.endswith("/direct.jsonl") for key in objects(deployment, "errors/reasons/"))
