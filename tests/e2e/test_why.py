"""`why` on the local stack: in each situation it names the place, and the command that it prints repairs it."""

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from local_stack import address
from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from ops.deployment.stack import Outputs
from tests.e2e.doctor_world import SharedClients
from tests.e2e.test_local_deployment import Api
from tests.e2e.test_parking import records_of
from tests.e2e.why_world import POISON, WhyWorld, creation, credit


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WhyWorld]:
    with (
        LocalDeployment() as deployment,
        Api(deployment) as api,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(address, "ADDRESS_FILE", tmp_path_factory.mktemp("address") / "address.json")
        with deployment.address.published():
            examined = SharedClients(Outputs(deployment.address.outputs), deployment.address)
            yield WhyWorld(deployment, examined, api, "", "")


@pytest.fixture
def names() -> dict[str, str]:
    """Fresh ids for a request, by header."""
    return {name: f"{name}-{uuid.uuid4()}" for name in ("X_Request_Id", "X_Correlation_Id", "Idempotency_Key")}


@pytest.mark.parametrize("kind", ["X_Request_Id", "X_Correlation_Id", "Idempotency_Key", "event", "key and account"])
def test_an_event_that_is_everywhere_has_every_hop(world: WhyWorld, names: dict[str, str], kind: str) -> None:
    account_id = world.opened()
    assert world.command(account_id, "credit", "2.00", **names).status_code == 200
    world.settle()
    options = ["--account", account_id] if kind == "key and account" else []
    key = names["Idempotency_Key"]
    answer = world.why({**names, "event": f"{account_id}:2", "key and account": key}[kind], *options)
    assert (answer.code, answer.waits) == (0, [])
    assert answer.event["event_id"] == f"{account_id}:2"
    hops = {hop["where"]: hop for hop in answer.event["timeline"]}
    assert set(hops) == {"request", "table", "event stream", "inbox", "read model", "lake"}
    assert all(hop["is_reached"] for hop in hops.values()), hops
    assert names["X_Request_Id"] in hops["request"]["what"]
    assert "shardId-" in hops["event stream"]["what"]
    assert ".parquet" in hops["lake"]["what"]
    timed = [hop["at"][: len("2026-01-31T09:30:00")] for hop in answer.event["timeline"] if hop["at"]]
    assert timed == sorted(timed)
    assert len(timed) == 4


def test_an_account_id_lists_its_newest_events(world: WhyWorld) -> None:
    account_id = world.opened(*(["1.00"] * 23))
    world.settle()
    answer = world.assert_everywhere(account_id)
    sequences = [event["sequence"] for event in answer.found["events"]]
    assert sequences == list(range(24, 4, -1))
    assert answer.found["events_found"] >= 21
    printed = CliRunner().invoke(app, ["why", account_id])
    assert printed.exit_code == 0
    assert "these are the newest 20" in printed.stdout
    assert f"{account_id}:24  CREDIT  everywhere" in printed.stdout
    assert "✓ The newest 20 are everywhere" in printed.stdout


def test_a_correlation_id_lists_the_events_of_all_its_accounts(world: WhyWorld, names: dict[str, str]) -> None:
    accounts = [world.opened("9.00"), world.opened()]
    shared = {"X_Correlation_Id": names["X_Correlation_Id"]}
    assert world.command(accounts[0], "withdraw", "2.00", **shared).status_code == 200
    assert world.command(accounts[1], "credit", "2.00", **shared).status_code == 200
    assert world.command(accounts[1], "withdraw", "2.01", **shared).status_code == 422
    world.settle()
    answer = world.why(names["X_Correlation_Id"])
    assert (answer.code, answer.found["kinds"]) == (0, ["correlation id"])
    assert [event["event_id"] for event in answer.found["events"]] == [f"{accounts[1]}:2", f"{accounts[0]}:3"]
    [refused] = answer.found["requests"]
    assert refused["code"] == "insufficient_funds"


def test_in_flight_it_waits_for_the_projectors_mapping(world: WhyWorld, names: dict[str, str]) -> None:
    account_id = world.opened()
    world.settle()
    assert world.deployment.mapping.stop()
    assert world.command(account_id, "credit", "1.00", **names).status_code == 200
    assert world.why(names["X_Request_Id"]).waits == [("on-its-way", "projector")]
    answer = world.await_kind(names["X_Request_Id"], "mapping-not-polling")
    assert answer.code == 1
    assert answer.waits == [("mapping-not-polling", "ProjectorMapping")]
    world.assert_repaired_by(answer)


def test_a_poison_row_and_what_is_behind_it_wait_for_a_release(world: WhyWorld) -> None:
    account_id = world.opened()
    world.settle()
    repaired = credit(account_id, 2, "1.00")
    world.put_row(repaired | POISON)
    world.put_row(credit(account_id, 3, "2.00"))
    world.settle()
    parked, behind = world.why(f"{account_id}:2"), world.why(f"{account_id}:3")
    assert (parked.code, parked.waits) == (1, [("parked", "parked accounts")])
    assert "INTEREST" in parked.findings[0]["what"]
    assert (behind.code, behind.waits) == (1, [("behind-parked", "parked accounts")])
    assert "event 2" in behind.findings[0]["what"]
    world.put_row(repaired)
    world.assert_repaired_by(behind)
    world.assert_everywhere(f"{account_id}:2")


def test_a_discarded_row_is_in_the_failure_bucket(world: WhyWorld, names: dict[str, str]) -> None:
    account_id = world.opened()
    world.settle()
    with world.unnoticed_rows():
        assert world.command(account_id, "credit", "1.00", **names).status_code == 200
    body = {"payload": json.dumps({"Records": records_of(world.deployment, account_id)[1:]})}
    name = f"aws/lambda/{uuid.uuid4()}"
    world.client("s3").put_object(Bucket=world.outputs["FailureBucketName"], Key=name, Body=json.dumps(body))
    answer = world.why(names["Idempotency_Key"])
    assert (answer.code, answer.waits) == (1, [("discarded", "projector's failure bucket")])
    assert name in answer.findings[0]["what"]
    world.assert_repaired_by(answer)


def test_an_event_behind_a_gap_is_buffered_in_the_inbox(world: WhyWorld) -> None:
    account_id = world.opened()
    world.settle()
    table = world.outputs["OwnedTableName"]
    client, key = world.client("dynamodb"), {"AccountId": {"S": account_id}}
    before = client.get_item(TableName=table, Key=key)["Item"]
    world.credit(account_id)
    world.settle()
    client.put_item(TableName=table, Item=before)
    world.credit(account_id)
    world.settle()
    answer = world.await_kind(f"{account_id}:3", "waits-for-gap")
    assert (answer.code, answer.waits) == (1, [("waits-for-gap", "read model's inbox")])
    assert "waits for event 2 of the account" in answer.findings[0]["what"]
    world.assert_repaired_by(answer)


def test_a_rebuilt_event_still_waits_for_the_projectors_mapping(world: WhyWorld) -> None:
    """A rebuild takes the event from the table, so the read model has it although it was not published."""
    account_id = world.opened()
    world.settle()
    assert world.deployment.mapping.stop()
    world.credit(account_id)
    world.run(f"account-events owners rebuild {account_id}")
    assert world.why(f"{account_id}:2").waits == [("on-its-way", "projector")]
    answer = world.await_kind(f"{account_id}:2", "mapping-not-polling")
    assert answer.waits == [("mapping-not-polling", "ProjectorMapping")]
    world.assert_repaired_by(answer)


def test_an_event_waits_for_the_read_models_mapping(world: WhyWorld) -> None:
    account_id = world.opened()
    world.settle()
    assert world.deployment.mappings["AccountsByOwnerMapping"].stop()
    world.credit(account_id)
    world.published()
    answer = world.await_kind(f"{account_id}:2", "mapping-not-polling")
    assert ("mapping-not-polling", "AccountsByOwnerMapping") in answer.waits
    assert answer.hops("event stream")
    world.assert_repaired_by(answer)


def test_a_record_in_the_consumers_failure_bucket_needs_a_rebuild(world: WhyWorld) -> None:
    account_id = world.opened()
    world.settle()
    owners = world.deployment.mappings["AccountsByOwnerMapping"]
    assert owners.stop()
    world.credit(account_id)
    world.published()
    shard, record = next(each for each in _records(world) if f"{account_id}:2".encode() in each[1]["Data"])
    kinesis = {"kinesis": {"data": base64.b64encode(record["Data"]).decode()}}
    owners.begin_again(resume_after={shard: record["SequenceNumber"]})
    owners.start()
    body = {"payload": json.dumps({"Records": [kinesis]})}
    bucket, name = world.outputs["ConsumerFailureBucketName"], f"aws/lambda/{uuid.uuid4()}"
    world.client("s3").put_object(Bucket=bucket, Key=name, Body=json.dumps(body))
    world.settle()
    answer = world.why(f"{account_id}:2")
    assert (answer.code, answer.waits) == (1, [("refused-by-read-model", "consumers' failure bucket")])
    world.assert_repaired_by(answer)


def test_an_event_waits_for_the_delivery_to_the_lake(world: WhyWorld) -> None:
    account_id = world.opened()
    world.settle()
    assert world.deployment.firehose.stop()
    world.credit(account_id)
    world.published()
    answer = world.await_kind(f"{account_id}:2", "lake-stopped")
    assert answer.hops("event stream")
    world.assert_repaired_by(answer)


def test_an_event_that_the_lake_refuses_is_in_errors(world: WhyWorld) -> None:
    functions, name = world.client("lambda"), world.outputs["LakeTransformFunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    later = {**variables, "FIRST_DAY": "2099-01-01"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": later})
    account_id = world.opened()
    world.settle()
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    answer = world.why(f"{account_id}:1")
    assert (answer.code, answer.waits) == (1, [("in-errors", "lake's errors/")])
    assert "/errors/processing-failed/" in answer.findings[0]["what"]
    world.assert_repaired_by(answer)


def test_a_refused_command_is_known_only_to_the_log(world: WhyWorld, names: dict[str, str]) -> None:
    account_id = world.opened("1.00")
    assert world.command(account_id, "withdraw", "1.01", **names).status_code == 422
    for name in names.values():
        answer = world.why(name)
        assert (answer.code, answer.found["events"]) == (0, [])
        [request] = answer.found["requests"]
        assert (request["status"], request["code"], request["account_id"]) == (422, "insufficient_funds", account_id)
        assert (request["finding"]["kind"], request["finding"]["where"]) == ("refused", "request")
        assert request["finding"]["look"] == f"account-events why {account_id}"
    world.run(f"account-events why {account_id}")


def test_a_repeated_command_shows_both_requests(world: WhyWorld, names: dict[str, str]) -> None:
    account_id, key = world.opened(), names["Idempotency_Key"]
    for number in (1, 2):
        again = world.command(account_id, "credit", "1.00", X_Request_Id=f"{key}-{number}", Idempotency_Key=key)
        assert again.json()["sequence"] == 2
    world.settle()
    for identifier in (key, f"{account_id}:2", f"{key}-1"):
        answer = world.why(identifier)
        assert answer.code == 0
        first, second = answer.hops("request")
        assert f"{key}-1" in first["what"]
        assert f"{key}-2" in second["what"]
        assert "a repetition that returned the stored event" in second["what"]


def test_an_id_that_nothing_knows_is_not_found(world: WhyWorld) -> None:
    printed = CliRunner().invoke(app, ["why", "never-known"])
    assert printed.exit_code == 2
    assert "never-known was not found." in printed.stderr
    for source in (
        "the accounts table, as an account id",
        "the API's log, from",
        "the lake, from",
        "the event stream, 2",
    ):
        assert source in printed.stderr
    assert world.why("a-1:7").code == 2


def test_a_row_that_expired_from_the_tables_stream_needs_a_replay(world: WhyWorld) -> None:
    account_id = f"old-{uuid.uuid4()}"
    with world.unnoticed_rows():
        world.put_row(creation(account_id, timedelta(days=2)))
    answer = world.why(account_id)
    assert (answer.code, answer.waits) == (1, [("expired", "table")])
    world.assert_repaired_by(answer)


def test_an_account_that_a_key_opened_is_found_in_the_table(world: WhyWorld, names: dict[str, str]) -> None:
    key = names["Idempotency_Key"]
    body = {"owner": "owner-1", "currency": "EUR"}
    answer = world.api.post("/accounts", json=body, headers={"Idempotency-Key": key})
    world.settle()
    assert world.assert_everywhere(key).event["account_id"] == answer.json()["accountId"]


def test_a_deleted_row_is_named_although_the_event_is_published(world: WhyWorld) -> None:
    account_id = world.opened("1.00")
    world.settle()
    deleted = world.row(account_id, 2)
    world.delete_row(account_id, 2)
    for identifier in (deleted["RequestId"]["S"], f"{account_id}:2"):
        answer = world.why(identifier)
        assert (answer.code, answer.waits) == (1, [("row-missing", "table")])
        assert answer.hops("request")[0]["is_reached"]
    world.put_row(deleted)
    world.settle()
    world.assert_everywhere(deleted["RequestId"]["S"])


def _records(world: WhyWorld) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records on the event stream, each with its shard."""
    client, name = world.client("kinesis"), world.outputs["EventStreamName"]
    for shard in client.list_shards(StreamName=name)["Shards"]:
        position = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = client.get_shard_iterator(**position)["ShardIterator"]
        for record in client.get_records(ShardIterator=iterator)["Records"]:
            yield shard["ShardId"], record
