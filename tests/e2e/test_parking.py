"""A tampered row parks its account until it is repaired and released; other accounts are unaffected."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from account_core.domain.events import Credited, EventRow
from account_core.rows.items import to_item, version_of
from account_events.lambda_mapping.records import lambda_record
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.local_deployment import STACK_NAME, LocalDeployment
from ops.demo.demo import read_published
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api, assert_no_findings, audited
from tests.support.terminal import Terminal

CREDENTIALS = {"AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY}
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def module_deployment() -> Iterator[LocalDeployment]:
    """A local stack for this module, whose rows are tampered with."""
    with LocalDeployment() as deployment:
        yield deployment


@pytest.fixture
def run(module_deployment: LocalDeployment, tmp_path: Path) -> Run:
    """Run a command and return its exit code and output."""
    address = tmp_path / "address.json"
    address.write_text(json.dumps(asdict(module_deployment.address)))

    def run(*arguments: str, **environment: str) -> tuple[int, str]:
        terminal = Terminal(*arguments, ACCOUNT_EVENTS_LOCAL_STACK=str(address), **environment)
        try:
            return terminal.end(), terminal.output
        finally:
            terminal.close()

    return run


def credit(account_id: str, sequence: int, balance: str) -> dict[str, Any]:
    """Return the item of an event that credits 1.00."""
    return to_item(
        EventRow(
            account_id=account_id,
            version=version_of(sequence),
            sequence=sequence,
            occurred_at=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            event=Credited(Decimal("1.00")),
            balance=Decimal(balance),
            currency="EUR",
            correlation_id="tampered",
            request_id="tampered",
        )
    )


def published(module_deployment: LocalDeployment, account_id: str, expected: int) -> list[int]:
    """Return the account's sequences on the stream, once the projector is idle and `expected` events are there."""
    assert module_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S), module_deployment.mapping.status()
    events = read_published(module_deployment, expected)
    return [event.fields["sequence"] for event in events if event.fields["account_id"] == account_id]


def first_published(module_deployment: LocalDeployment, account_id: str, expected: int) -> list[int]:
    """As `published`, without repetitions: a new projector publishes an account's last seconds again."""
    return [*dict.fromkeys(published(module_deployment, account_id, expected))]


def test_a_tampered_row_parks_its_account_until_repair_and_release(
    module_deployment: LocalDeployment, run: Run
) -> None:
    table, name = module_deployment.address.client("dynamodb"), module_deployment.address.outputs["TableName"]
    code, output = run("parked")
    assert code == 0, output
    assert "No account is parked." in output
    assert "0 objects are in the failure bucket" in output
    with Api(module_deployment) as api:
        tampered, other = api.open_account("10.00"), api.open_account("10.00")
        assert module_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
        rows = [credit(tampered, sequence, f"{8 + sequence}.00") for sequence in (3, 4, 5)]
        for row in ({**rows[0], "Type": {"S": "INTEREST"}}, *rows[1:]):
            table.put_item(TableName=name, Item=row)
        assert api.command(other, "credit", "1.00").status_code == 200
        assert first_published(module_deployment, tampered, 5) == [1, 2]
        assert first_published(module_deployment, other, 5) == [1, 2, 3]

        code, output = run("parked")
        assert code == 0, output
        [line] = [line for line in output.splitlines() if line.split()[:1] == [tampered]]
        assert line.split()[1:4] == ["3", "3", "3"]
        assert "unknown type 'INTEREST'" in line

        on_aws = {
            "AWS_ENDPOINT_URL": module_deployment.address.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            **CREDENTIALS,
        }
        code, there = run("parked", "--stack", STACK_NAME, **on_aws)
        assert (code, there) == (0, output), "the same stack, by its name"

        code, output = run("release", tampered)
        assert code == 1, output
        assert f"stays parked at event 3, row {tampered}/3" in output
        assert "Traceback" not in output

        table.put_item(TableName=name, Item=rows[0])
        code, output = run("release", tampered, other)
        assert code == 0, output
        assert f"{tampered} released, 3 events published" in output
        assert f"{other} is not parked" in output
        assert "No account is parked." in run("parked")[1]

        assert api.command(tampered, "credit", "1.00").status_code == 200
        assert first_published(module_deployment, tampered, 9) == [1, 2, 3, 4, 5, 6]
    assert_no_findings(audited(module_deployment, tampered, other))
    assert module_deployment.mapping.status().totals.discarded == 0


def test_release_failures_publishes_discarded_records_from_the_table(
    module_deployment: LocalDeployment, run: Run
) -> None:
    """Objects are deleted once their accounts are released. Other objects stay and are reported."""
    outputs, s3 = module_deployment.address.outputs, module_deployment.address.client("s3")
    bucket = outputs["FailureBucketName"]
    with Api(module_deployment) as api:
        account_id = api.open_account("10.00")
        for _ in range(10):
            assert api.command(account_id, "credit", "1.00").status_code == 200
    assert module_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
    records = records_of(module_deployment, account_id)
    payload = json.dumps({"Records": records[2:5]})
    s3.put_object(Bucket=bucket, Key="aws/lambda/discarded", Body=json.dumps({"payload": payload}))
    s3.put_object(Bucket=bucket, Key="readme.txt", Body=b"hello")
    assert "2 objects are in the failure bucket" in run("parked")[1]
    code, output = run("release", "--failures")
    assert code == 1, output
    assert f"{account_id} released, 10 events published" in output
    assert f"s3://{bucket}/readme.txt stays: it is not an invocation record" in output
    [left] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert left["Key"] == "readme.txt"
    kept = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert sorted(version["Key"] for version in kept) == ["aws/lambda/discarded", "readme.txt"]
    assert published(module_deployment, account_id, 12) == [*range(1, 13), *range(3, 13)]
    s3.delete_object(Bucket=bucket, Key="readme.txt")
    assert run("release", "--failures")[0] == run("release", "--all")[0] == 0
    with Api(module_deployment) as api:
        assert api.command(account_id, "credit", "1.00").status_code == 200
    [found] = audited(module_deployment, account_id)
    assert_no_findings([found])
    assert found.duplicates == 10


def records_of(module_deployment: LocalDeployment, account_id: str) -> list[Any]:
    """Return the account's records on the table's stream, as Lambda passes them to the projector."""
    streams, arn = (
        module_deployment.address.client("dynamodbstreams"),
        module_deployment.address.outputs["TableStreamArn"],
    )
    found = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += [lambda_record(record, arn) for record in streams.get_records(ShardIterator=iterator)["Records"]]
    return [record for record in found if record["dynamodb"]["Keys"]["AccountId"]["S"] == account_id]
