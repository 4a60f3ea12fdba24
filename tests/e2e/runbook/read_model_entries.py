"""Scenarios of the read model's alarms."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.e2e.doctor_faults import gap
from tests.e2e.runbook.api_entries import LIMIT, request
from tests.e2e.runbook.causes import (
    RESTORE,
    UNDO,
    break_settings,
    fail,
    lose_permission,
    restore_permission,
    restore_storing_of_failures,
    undo,
    without_retries,
)
from tests.e2e.runbook.on_call import RULE, Operator
from tests.e2e.runbook.projector_entries import A_MINUTE_MS, FAKE_WRITES, LASTS_A_MINUTE, age_ms
from tests.e2e.runbook.scenarios import scenario

AGREES = ": 0 differ from the ledger"
SCHEDULE = '{"Records": []}'


@contextmanager
def deployed_rule(op: Operator) -> Iterator[str]:
    """The schedule of the read model's function, as the template deploys it on AWS. Yields the function's ARN."""
    events, functions, name = op.client("events"), op.client("lambda"), op.output("OwnedFunctionName")
    function = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    arn = events.put_rule(Name=RULE, ScheduleExpression="rate(5 minutes)", State="ENABLED")["RuleArn"]
    events.put_targets(Rule=RULE, Targets=[{"Id": "function", "Arn": function, "Input": SCHEDULE}])
    permission = {"FunctionName": name, "StatementId": "deployed", "Principal": "events.amazonaws.com"}
    functions.add_permission(**permission, Action="lambda:InvokeFunction", SourceArn=arn)
    try:
        yield function
    finally:
        with suppress(functions.exceptions.ResourceNotFoundException):
            functions.remove_permission(FunctionName=name, StatementId="deployed")
        events.remove_targets(Rule=RULE, Ids=["function"])
        events.delete_rule(Name=RULE)


def look_at_gaps(op: Operator) -> None:
    """Invoke the function as its schedule does."""
    answer = op.client("lambda").invoke(FunctionName=op.output("OwnedFunctionName"), Payload=SCHEDULE.encode())
    assert "FunctionError" not in answer, answer["Payload"].read()


@scenario("AccountsByOwnerStopped", RESTORE, UNDO)
def stopped(op: Operator) -> None:
    """The mapping is disabled, and events are published meanwhile."""
    deployment, mapping = op.world.deployment, op.world.deployment.mappings["AccountsByOwnerMapping"]
    assert mapping.stop()
    deployment.metrics.publish()
    op.mark()
    request(op)
    assert deployment.mapping.wait_until_idle(60)
    op.assert_alarm()
    seen = op.look()
    assert '"Disabled"' in seen
    for policy in ("apply", "read-event-stream", "keep-failures", "logs"):
        assert f'"{policy}"' in seen
    assert AGREES not in op.over()
    op.repair("--enabled")
    op.world.settle()
    op.mark()
    op.await_ok()
    assert AGREES in op.over()
    lose_permission(op, "AccountsByOwnerFunctionRole", "read-event-stream")
    restore_permission(op, "AccountsByOwnerFunctionRole", "read-event-stream")
    undo(op, lambda: None, "AccountsByOwnerMapping")
    assert "rebuilt from" in op.repair("rebuild --all")


@scenario("AccountsByOwnerIsBehind", RESTORE, injected=LASTS_A_MINUTE)
def is_behind(op: Operator) -> None:
    """The function may no longer write the read model."""
    lose_permission(op, "AccountsByOwnerFunctionRole", "apply")
    request(op)
    op.await_(lambda: "AccessDeniedException" in op.look("record not applied"), "a line that names the error")
    op.metric(age_ms(op, "AccountsByOwnerMapping") + A_MINUTE_MS)
    op.assert_alarm()
    seen = op.look()
    assert "ALARM" in seen
    assert op.world.second in seen
    restore_permission(op, "AccountsByOwnerFunctionRole", "apply")
    assert "1 account rebuilt" in op.repair(ACCOUNT=op.world.second)
    op.world.settle()
    op.mark()
    op.metric(age_ms(op, "AccountsByOwnerMapping"))
    op.assert_ok()
    assert op.look("record not applied").strip() == ""


@scenario("AccountsByOwnerFails", UNDO)
def fails(op: Operator) -> None:
    """A variable of the function is removed, so it cannot start."""
    restored = break_settings(op, "AccountsByOwnerFunction", "INBOX_TABLE_NAME")
    fail(op, "AccountsByOwnerFunction", json.loads(SCHEDULE))
    op.assert_alarm()
    request(op)
    assert "INBOX_TABLE_NAME" in op.look("errors_in")
    assert '"INBOX_TABLE_NAME"' not in op.look("get-function-configuration")
    op.repair("--memory-size")
    undo(op, restored, "AccountsByOwnerFunction")
    op.world.settle()
    op.mark()
    request(op)
    op.world.settle()
    assert AGREES in op.repair("owners", ACCOUNT=op.world.second)
    op.assert_ok()


@scenario("AccountsByOwnerThrottled", LIMIT)
def throttled(op: Operator) -> None:
    """Somebody reserved no concurrency for the function."""
    name = op.output("OwnedFunctionName")
    op.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    request(op)
    op.await_alarm()
    assert '"ReservedConcurrentExecutions": 0' in op.look()
    op.repair()
    op.stubs["service-quotas", "request-service-quota-increase"] = lambda _: {}
    op.procedure(LIMIT, "service-quotas")
    op.world.settle()
    op.mark()
    request(op)
    op.world.settle()
    op.assert_ok()
    op.assert_ok("AccountsByOwnerIsBehind")


@scenario("AccountsByOwnerWaits")
def waits(op: Operator) -> None:
    """An event of an account is missing, and the function does not wait five minutes before it reports that."""
    functions, name = op.client("lambda"), op.output("OwnedFunctionName")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"GAP_WAIT_S": "0"}}
    )
    with deployed_rule(op):
        op.client("events").disable_rule(Name=RULE)
        op.mark()
        op.assert_alarm()
        assert "DISABLED" in op.look("describe-rule")
        op.repair("enable-rule")
        assert "ENABLED" in op.look("describe-rule")
        gap(op.world)
        look_at_gaps(op)
        op.assert_alarm()
        seen = op.look()
        assert f"{op.world.second}: events" in seen
        assert SCHEDULE.replace('"', '\\"') in seen
        assert "No account is parked." in seen
        op.repair("replay", ACCOUNT=op.world.second)
        op.world.settle()
        assert "1 account rebuilt" in op.repair("rebuild", ACCOUNT=op.world.second)
        op.mark()
        look_at_gaps(op)
        assert op.look("accounts wait").strip() == ""
        op.assert_ok()
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@scenario(
    "AccountsByOwnerScheduleFails", UNDO, injected="The emulator's EventBridge invokes functions without permission."
)
def schedule_fails(op: Operator) -> None:
    functions, name = op.client("lambda"), op.output("OwnedFunctionName")
    with deployed_rule(op) as function:
        functions.remove_permission(FunctionName=name, StatementId="deployed")
        op.metric(1)
        op.assert_alarm()
        seen = op.look()
        assert function in seen
        assert "events.amazonaws.com" not in seen
        op.repair()
        assert f"rule/{RULE}" in op.look("get-policy")
        undo(op, lambda: None, "AccountsByOwnerLook")
        op.mark()
        look_at_gaps(op)
        assert "batch applied" in op.over()
        op.assert_ok()
        functions.remove_permission(FunctionName=name, StatementId="schedule")


def lose(op: Operator, **settings: object) -> None:
    """Let a mapping without retries give up an event, because the function may not write the read model."""
    with without_retries(op, "AccountsByOwnerMapping", **settings) as mapping:
        lose_permission(op, "AccountsByOwnerFunctionRole", "apply")
        request(op)
        op.await_(lambda: mapping.status().totals.discarded, "a discarded record")
        op.metric(mapping.status().totals.discarded)
        restore_permission(op, "AccountsByOwnerFunctionRole", "apply")
    op.assert_alarm()
    op.world.settle()


@scenario("AccountsByOwnerGaveUp", RESTORE)
def gave_up(op: Operator) -> None:
    lose(op)
    seen = op.look()
    assert "aws/lambda/" in seen
    assert "AccessDeniedException" in seen
    assert f"{op.world.second}: " in seen
    op.repair(ACCOUNT=op.world.second)
    op.mark()
    seen = op.look()
    assert AGREES in seen
    assert "aws/lambda/" not in seen
    op.assert_ok()


@scenario("AccountsByOwnerLost", RESTORE)
def lost(op: Operator) -> None:
    """The mapping has no destination for what it gives up."""
    lose(op, on_failure_arn=None)
    seen = op.look()
    assert f"{op.world.second}: " in seen
    assert "AccessDeniedException" in seen
    assert op.output("ConsumerFailureBucketName") in seen
    op.repair(ACCOUNT=op.world.second)
    op.mark()
    assert AGREES in op.look("owners check")
    op.assert_ok()


@scenario("AccountsByOwnerFailuresNotStored", RESTORE, UNDO, injected=FAKE_WRITES)
def failures_not_stored(op: Operator) -> None:
    restore_storing_of_failures(op, "AccountsByOwnerFunctionRole", "ConsumerFailures", AGREES)
