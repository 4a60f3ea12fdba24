"""An export of a local stack's ledger: made, replayed, and used to rebuild the read model and to fill the lake."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from account_events.avro.codec import decode
from local_stack.local_deployment import LocalDeployment
from ops.lake.repair.staged import STAGING_PREFIX
from ops.replay.file_format import events_in
from tests.e2e.test_reconcile import Bucket, ledger_size, open_account
from tests.e2e.test_replay import ledger
from tests.support.terminal import Terminal, account_events
from tests.support.waiting import await_condition

SETTLE_TIMEOUT_S = 60.0
ACCOUNTS = 6
NO_GRACE = ("--grace-s", "0")


@pytest.fixture(scope="module")
def module_deployment() -> Iterator[LocalDeployment]:
    """A local stack with accounts that have snapshots, and an export of it that is named first."""
    with LocalDeployment() as deployment:
        for number in range(ACCOUNTS):
            open_account(deployment, *["1.50"] * (8 + number))
        assert deployment.wait_until_idle(SETTLE_TIMEOUT_S)
        exported = account_events(deployment.address, "export", "--name", "first")
        assert exported.returncode == 0, exported.stderr
        yield deployment


def exported(deployment: LocalDeployment, name: str) -> str:
    made = account_events(deployment.address, "export", "--name", name)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def replayed(path: Path) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    with path.open("rb") as file:
        for data in events_in(file, "jsonl"):
            found.setdefault(str(decode(data).fields["account_id"]), []).append(data)
    return found


def test_an_export_that_is_asked_for_twice_is_made_once(module_deployment: LocalDeployment) -> None:
    location = exported(module_deployment, "first")
    bucket = module_deployment.address.outputs["LedgerExportsName"]
    assert location.startswith(f"s3://{bucket}/exports/first/AWSDynamoDB/")
    assert exported(module_deployment, "first") == location


@pytest.mark.parametrize("given", ["latest", "first"])
def test_a_replay_of_an_export_has_the_events_of_the_ledger(
    module_deployment: LocalDeployment, tmp_path: Path, given: str
) -> None:
    location = given if given == "latest" else exported(module_deployment, given)
    path = tmp_path / "events.jsonl"
    call = ("replay", "--all", "--to-file", str(path), "--from-export", location)
    ended = account_events(module_deployment.address, *call)
    assert ended.returncode == 0, ended.stderr
    assert "read with no read units" in ended.stdout
    assert replayed(path) == ledger(module_deployment)


def test_a_killed_replay_goes_on_with_the_same_export_only(module_deployment: LocalDeployment, tmp_path: Path) -> None:
    address, path, fifo = tmp_path / "address.json", tmp_path / "events.jsonl", tmp_path / "checkpoint.json"
    address.write_text(json.dumps(asdict(module_deployment.address)))
    first, second = exported(module_deployment, "first"), exported(module_deployment, "second")
    call = ("replay", "--all", "--to-file", str(path), "--checkpoint", str(fifo), "--page-rows", "1")
    terminal = Terminal(*call, "--from-export", first, ACCOUNT_EVENTS_LOCAL_STACK=str(address))
    try:
        await_condition(fifo.exists, "the first checkpoint", SETTLE_TIMEOUT_S)
        os.kill(terminal.process.pid, signal.SIGKILL)
        assert terminal.end() == -signal.SIGKILL
    finally:
        terminal.close()
    other = account_events(module_deployment.address, *call, "--resume", "--from-export", second)
    assert other.returncode == 1
    assert "a run with a different export" in other.stderr
    resumed = account_events(module_deployment.address, *call, "--resume", "--from-export", first)
    assert resumed.returncode == 0, resumed.stderr
    assert replayed(path) == ledger(module_deployment)


def test_the_read_model_is_rebuilt_from_an_export(module_deployment: LocalDeployment) -> None:
    outputs, dynamodb = module_deployment.address.outputs, module_deployment.address.client("dynamodb")
    location = exported(module_deployment, "first")
    lost, ahead, *_ = ledger(module_deployment)
    with module_deployment.address.http() as api:  # an event that the export lacks, and that the function applies
        assert api.post(f"/accounts/{ahead}/credit", json={"amount": "1.00"}).status_code == 200
    assert module_deployment.wait_until_idle(SETTLE_TIMEOUT_S)
    table = outputs["OwnedTableName"]
    dynamodb.delete_item(TableName=table, Key={"AccountId": {"S": lost}})
    keys = {"AccountId": {"S": ahead}}  # its position stays: with the item, the export's newest event would be the last
    dynamodb.update_item(TableName=table, Key=keys, UpdateExpression="REMOVE Balance, Currency, OpenedAt")
    for _ in range(2):
        rebuilt = account_events(module_deployment.address, "owners", "rebuild", "--all", "--from-export", location)
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert f"{ACCOUNTS} accounts rebuilt from" in rebuilt.stdout
        assert account_events(module_deployment.address, "owners", "check").returncode == 0


def test_the_lake_is_filled_from_an_export(module_deployment: LocalDeployment) -> None:
    bucket, location = Bucket(module_deployment), exported(module_deployment, "for-the-lake")
    for key in bucket.keys("events/"):
        bucket.delete(key)
    events, accounts = ledger_size(module_deployment)
    call = ("lake", "backfill", "--all", *NO_GRACE, "--from-export", location)
    written = account_events(module_deployment.address, *call)
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith(f"{events} events written to 2 files, of {events} events of {accounts} accounts")
    files = bucket.keys("")
    assert [key for key in files if key.startswith(STAGING_PREFIX)] == []
    again = account_events(module_deployment.address, *call)
    assert again.stdout.startswith("0 events written to 0 files")
    assert bucket.keys("") == files
    assert account_events(module_deployment.address, "reconcile", *NO_GRACE).returncode == 0


def test_a_damaged_export_changes_nothing(module_deployment: LocalDeployment, tmp_path: Path) -> None:
    location = exported(module_deployment, "damaged")
    s3, bucket = module_deployment.address.client("s3"), module_deployment.address.outputs["LedgerExportsName"]
    prefix = location.removeprefix(f"s3://{bucket}/")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}data/")["Contents"]]
    sizes = {key: s3.head_object(Bucket=bucket, Key=key)["ContentLength"] for key in keys}
    largest = max(keys, key=sizes.__getitem__)
    body = s3.get_object(Bucket=bucket, Key=largest)["Body"].read()
    s3.put_object(Bucket=bucket, Key=largest, Body=body[:-4] + b"????")
    lake, path = Bucket(module_deployment), tmp_path / "events.jsonl"
    before = lake.keys("")
    for call in (
        ("replay", "--all", "--to-file", str(path)),
        ("owners", "rebuild", "--all"),
        ("lake", "backfill", "--all", *NO_GRACE),
    ):
        refused = account_events(module_deployment.address, *call, "--from-export", location)
        assert refused.returncode == 1
        assert f"s3://{bucket}/{largest}: it is damaged: its MD5 differs" in refused.stderr.replace("\n", " ")
        assert "Traceback" not in refused.stderr
    assert not path.exists()
    assert lake.keys("") == before
