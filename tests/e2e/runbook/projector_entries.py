"""Scenarios of the projector's alarms."""

import json
from decimal import Decimal
from typing import Any

from tests.e2e.faults import faulty_kinesis
from tests.e2e.runbook.api_entries import LIMIT, request
from tests.e2e.runbook.causes import (
    RESTORE,
    UNDO,
    break_settings,
    fail,
    lose_permission,
    restore_permission,
    restore_storing_of_failures,
    shorten_attempts,
    undo,
    without_retries,
)
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario

PUBLISH_AGAIN = "Publish missing events again"
A_MINUTE_MS = 60_000
LASTS_A_MINUTE = "Rows would have to wait for a minute: a minute is added to their age."
FAKE_WRITES = "The fake mapping writes to the bucket with its own credentials, so it does not fail."


def age_ms(op: Operator, mapping: str) -> int:
    """How old the oldest record is that the mapping has read, but not delivered."""
    shards = op.world.deployment.mappings[mapping].status().shards
    return max((shard.iterator_age_ms for shard in shards), default=0)


def poison(op: Operator, account_id: str) -> dict[str, Any]:
    """Write the account's next event with an unknown type. Returns the row as it should be."""
    version = op.world.newest(account_id)
    row = op.world.row(account_id, version)
    balance = Decimal(row["Balance"]["N"]) + 1
    row |= {"Version": {"N": f"{version + 1}"}, "Sequence": {"N": f"{int(row['Sequence']['N']) + 1}"}}
    row |= {"Amount": {"N": "1.00"}, "Balance": {"N": f"{balance}"}, "Type": {"S": "CREDIT"}}
    row.pop("CommandId", None)
    op.world.put_row(row | {"Type": {"S": "INTEREST"}})
    return row


@scenario("ProjectorStopped", UNDO, RESTORE, PUBLISH_AGAIN)
def stopped(op: Operator) -> None:
    """The mapping is disabled, and rows are written meanwhile."""
    deployment = op.world.deployment
    assert deployment.mapping.stop()
    deployment.metrics.publish()
    op.mark()
    request(op)
    op.assert_alarm()
    seen = op.look()
    assert '"Disabled"' in seen
    for policy in ("publish", "park-and-fill-holes", "read-table-stream", "keep-failures", "logs"):
        assert f'"{policy}"' in seen
    op.repair("--enabled")
    op.world.settle()
    op.mark()
    op.await_ok()
    op.assert_ok("ProjectorIsBehind")
    assert "0 accounts released" in op.repair("release --failures")
    lose_permission(op, "ProjectorFunctionRole", "read-table-stream")
    restore_permission(op, "ProjectorFunctionRole", "read-table-stream")
    op.repair("delete-event-source-mapping")
    undo(op, deployment.mapping.start, "ProjectorMapping")
    assert "all agree" in op.procedure(PUBLISH_AGAIN, ACCOUNT=op.world.second)
    op.world.settle()


@scenario("ProjectorIsBehind", RESTORE, injected=LASTS_A_MINUTE)
def is_behind(op: Operator) -> None:
    """The projector may no longer publish."""
    restored = shorten_attempts(op)
    lose_permission(op, "ProjectorFunctionRole", "publish")
    request(op)
    op.await_(lambda: "AccessDeniedException" in op.look("account waits"), "a line that names the reason")
    op.metric(age_ms(op, "ProjectorMapping") + A_MINUTE_MS)
    op.assert_alarm()
    seen = op.look()
    assert "ALARM" in seen
    assert op.world.second in seen
    assert '"ACTIVE"' in op.repair("describe-stream-summary")
    op.repair("--no-enabled")
    assert not op.world.deployment.mapping.status().running
    restore_permission(op, "ProjectorFunctionRole", "publish")
    op.repair("--enabled")
    op.world.settle()
    op.mark()
    op.metric(age_ms(op, "ProjectorMapping"))
    op.assert_ok()
    assert op.look("account waits").strip() == ""
    assert "0 objects" in op.over()
    restored()


@scenario("ProjectorFails", UNDO)
def fails(op: Operator) -> None:
    """A variable of the function is removed, so it cannot start."""
    restored = break_settings(op, "ProjectorFunction", "EVENT_STREAM_NAME")
    fail(op, "ProjectorFunction")
    op.assert_alarm()
    request(op)
    assert "EVENT_STREAM_NAME" in op.look("errors_in")
    assert '"EVENT_STREAM_NAME"' not in op.look("get-function-configuration")
    op.repair("--no-enabled")
    assert not op.world.deployment.mapping.status().running
    op.repair("--memory-size")
    undo(op, restored, "ProjectorFunction")
    op.mark()
    op.repair("release --failures")
    op.world.settle()
    op.assert_ok()
    op.assert_ok("ProjectorIsBehind")
    assert "0 objects" in op.over()


@scenario("ProjectorThrottled", LIMIT)
def throttled(op: Operator) -> None:
    """Somebody reserved no concurrency for the projector."""
    name = op.output("ProjectorFunctionName")
    op.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    request(op)
    op.await_alarm()
    assert '"ReservedConcurrentExecutions": 0' in op.look()
    op.repair()
    op.stubs["service-quotas", "request-service-quota-increase"] = lambda _: {}
    op.procedure(LIMIT)
    op.client("lambda").delete_function_concurrency(FunctionName=op.output("ApiFunctionName"))
    op.world.settle()
    op.mark()
    request(op)
    op.world.settle()
    op.assert_ok()
    op.assert_ok("ProjectorIsBehind")


@scenario("ProjectorParks")
def parks(op: Operator) -> None:
    """Two accounts get an event of an unknown type. One is corrected; the other's should not exist."""
    world = op.world
    other = world.api.open_account("5.00")
    world.settle()
    wrong, needless = poison(op, world.second), poison(op, other)
    world.settle()
    op.assert_alarm()
    words = {"ACCOUNT": world.second, "ROW": wrong["Version"]["N"]}
    seen = op.look(**words)
    assert seen.count("unknown type 'INTEREST'") >= 2
    assert all(account_id in seen for account_id in (world.second, other))
    assert "2 accounts with findings" in seen
    saved = op.folder / "row.json"
    assert json.loads(saved.read_text())["Type"] == {"S": "INTEREST"}
    saved.write_text(saved.read_text().replace("INTEREST", "CREDIT"))
    op.repair("put-item")
    assert f"{world.second} released, 1 event published" in op.repair("release", **words)
    op.repair("delete-item", ACCOUNT=other, ROW=needless["Version"]["N"])
    world.credit(other)
    assert f"{other} released, 1 event published" in op.repair("release", ACCOUNT=other)
    op.mark()
    world.credit(world.second)
    world.settle()
    assert "No account is parked." in op.look("parked")
    op.assert_ok()


def lose(op: Operator, account_id: str, alarm: str, **settings: object) -> None:
    """Let a mapping without retries give up an event of an account, because the function cannot start."""
    with without_retries(op, "ProjectorMapping", **settings) as mapping:
        restored = break_settings(op, "ProjectorFunction", "EVENT_STREAM_NAME")
        fail(op, "ProjectorFunction")
        op.world.credit(account_id)
        op.await_(lambda: mapping.status().totals.discarded, "a discarded record")
        op.metric(mapping.status().totals.discarded, alarm=alarm)
        restored()
    op.assert_alarm(alarm)


@scenario("ProjectorGaveUp")
def gave_up(op: Operator) -> None:
    lose(op, op.world.second, "ProjectorGaveUp")
    op.client("s3").put_object(Bucket=op.output("FailureBucketName"), Key="readme.txt", Body=b"hello")
    seen = op.look()
    assert "2 objects are in the failure bucket" in seen
    assert "EVENT_STREAM_NAME" in seen
    seen = op.repair("release --failures")
    assert f"{op.world.second} released" in seen
    assert "Resolve it by hand, then delete the object" in seen
    assert "hello" in op.repair("aws s3", KEY="readme.txt")
    op.mark()
    seen = op.look("parked")
    assert "0 objects" in seen
    assert "No account is parked." in seen
    op.assert_ok()


@scenario("ProjectorLost", PUBLISH_AGAIN)
def lost(op: Operator) -> None:
    """The mapping has no destination for what it gives up."""
    world, account_id = op.world, op.world.api.open_account("5.00")
    world.settle()
    lose(op, account_id, "ProjectorLost", on_failure_arn=None)
    world.settle()
    seen = op.look()
    assert "EVENT_STREAM_NAME" in seen
    assert '"PolicyName": "keep-failures"' in seen
    assert op.output("FailureBucketName") in seen
    seen = op.repair(ACCOUNT=account_id)
    assert f"{account_id} event 3 missing" in seen
    findings = [json.loads(line) for line in (op.folder / "findings.jsonl").read_text().splitlines()]
    assert {(each["kind"], each["account_id"]) for each in findings} == {("missing", account_id)}
    world.settle()
    seen = op.procedure(PUBLISH_AGAIN, ACCOUNT=account_id)
    assert "all agree" in seen
    world.settle()
    op.mark()
    op.assert_ok()


@scenario("ProjectorFailuresNotStored", RESTORE, UNDO, injected=FAKE_WRITES)
def failures_not_stored(op: Operator) -> None:
    restore_storing_of_failures(op, "ProjectorFunctionRole", "ProjectorFailures", "all agree")


@scenario("EventStreamThrottled")
def event_stream_throttled(op: Operator) -> None:
    """Kinesis refuses the records of two requests, and the projector sends them again."""

    def refuse(number: int, records: list[dict[str, Any]]) -> set[int]:
        return set(range(len(records))) if number < 2 else set()

    with faulty_kinesis(op.world.deployment, fails=refuse):
        request(op)
        op.world.settle()
    op.assert_alarm()
    seen = op.look()
    assert '"ACTIVE"' in seen
    assert "refusals" in seen
    op.stubs["kinesis", "update-stream-mode"] = lambda _: {}
    op.repair()
    op.mark()
    request(op)
    op.world.settle()
    assert "refusals" not in op.look()
    op.assert_ok()
    op.assert_ok("ProjectorIsBehind")
