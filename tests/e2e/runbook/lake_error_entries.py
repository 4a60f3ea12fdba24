"""Scenarios of the alarms on events that are kept in errors/."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from local_stack.firehose import delivery
from local_stack.firehose.object_prefixes import CONVERSION_FAILED, PROCESSING_FAILED
from tests.e2e.runbook.api_entries import LIMIT, request
from tests.e2e.runbook.causes import RESTORE, UNDO, break_handler, fail, lose_permission, restore_permission, undo
from tests.e2e.runbook.lake_entries import AGREE
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario


def deliver(op: Operator, error_type: str) -> int:
    """Write an event, and wait until the delivery has stored it as failed. Returns the number of failed records."""
    before = op.world.deployment.firehose.status().totals.failed[error_type]
    request(op)
    op.world.settle()
    failed = op.world.deployment.firehose.status().totals.failed[error_type] - before
    assert failed == 1
    return failed


def restart(op: Operator, before: Mapping[str, str]) -> Mapping[str, str]:
    """Start a new fake of Firehose, which reads the table's columns, where the last one stopped.

    Returns:
        The checkpoints from which it continues; `before` has those of the last one.
    """
    checkpoints = {**before, **op.world.deployment.firehose.status().checkpoints}
    assert op.world.deployment.firehose.stop()
    op.world.deployment.firehose = op.world.deployment.delivery(checkpoints)
    op.world.deployment.firehose.start()
    return checkpoints


def put_back(op: Operator) -> None:
    """Run the commands that put failed events back; return when lake and ledger agree."""
    seen = op.repair("lake redrive")
    assert " 0 still fail" in seen
    assert AGREE in seen
    op.mark()
    op.assert_ok()


@scenario("LakeRefuses", UNDO)
def refuses(op: Operator) -> None:
    """The transform's first day is set to a later one by hand, so that it refuses all events."""
    functions, name = op.client("lambda"), op.output("LakeTransformFunctionName")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    later = {**variables, "FIRST_DAY": "2099-01-01"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": later})
    deliver(op, PROCESSING_FAILED)
    op.assert_alarm()
    seen = op.look()
    assert "OutsidePartitions" in seen
    assert "errors/reasons/" in seen
    assert "1 object with 1 event; nothing was changed" in seen
    settings = {"FunctionName": name, "Environment": {"Variables": variables}}
    undo(op, lambda: functions.update_function_configuration(**settings), "LakeTransformFunction")
    put_back(op)


@scenario("LakeConversionFails", RESTORE, UNDO)
def conversion_fails(op: Operator) -> None:
    """A column of the table gets another type by hand."""
    glue, database = op.client("glue"), op.output("LakeDatabaseName")
    table = glue.get_table(DatabaseName=database, Name="account_events")["Table"]
    kept = ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    intact = {key: table[key] for key in kept if key in table}
    broken = json.loads(json.dumps(intact))
    for column in broken["StorageDescriptor"]["Columns"]:
        if column["Name"] == "request_id":
            column["Type"] = "bigint"
    glue.update_table(DatabaseName=database, TableInput=broken)
    checkpoints = restart(op, {})
    op.metric(deliver(op, CONVERSION_FAILED))
    op.assert_alarm()
    op.log("LakeDeliveryLogs", {"errorCode": "DataFormatConversion.MalformedData"})
    seen = op.look()
    assert "request_id\tbigint" in seen
    assert "DataFormatConversion" in seen
    assert "errors/format-conversion-failed/" in seen
    lose_permission(op, "LakeDeliveryRole", "read-columns")
    restore_permission(op, "LakeDeliveryRole", "read-columns")
    undo(op, lambda: glue.update_table(DatabaseName=database, TableInput=intact), "LakeEventsTable")
    restart(op, checkpoints)
    put_back(op)
    op.repair("lake backfill")


@scenario("LakeHasTooManyPartitions")
def too_many_partitions(op: Operator) -> None:
    """The fake's quota of active partitions is none."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delivery, "PARTITIONS_MAX", 0)
        op.metric(deliver(op, PROCESSING_FAILED))
    op.assert_alarm()
    seen = op.look()
    assert "Total Objects: " in seen
    assert "1 object with 1 event; nothing was changed" in seen
    put_back(op)


@scenario("LakeTransformFails", UNDO)
def transform_fails(op: Operator) -> None:
    """The function's handler is changed, so it cannot start."""
    restored = break_handler(op, "LakeTransformFunction")
    deliver(op, PROCESSING_FAILED)
    op.assert_alarm()
    fail(op, "LakeTransformFunction")
    seen = op.look()
    assert "no_such_module" in seen
    assert "1 object with 1 event; nothing was changed" in seen
    op.repair("--memory-size")
    undo(op, restored, "LakeTransformFunction")
    op.mark()
    put_back(op)
    assert op.over().strip() == ""


@scenario("LakeTransformThrottled", LIMIT)
def transform_throttled(op: Operator) -> None:
    """Somebody reserved no concurrency for the function."""
    name = op.output("LakeTransformFunctionName")
    op.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    deliver(op, PROCESSING_FAILED)
    op.assert_alarm()
    seen = op.look()
    assert '"ReservedConcurrentExecutions": 0' in seen
    assert "1 object with 1 event; nothing was changed" in seen
    op.stubs["service-quotas", "request-service-quota-increase"] = lambda _: {}
    op.procedure(LIMIT, "service-quotas")
    put_back(op)


@contextmanager
def refusing_function(op: Operator) -> Iterator[list[str]]:
    """Make the fake's invocations fail as if its role might not invoke the function. Yields the refused requests."""
    refused: list[str] = []

    def refuse(params: dict[str, str], **_: object) -> None:
        refused.append(params["url_path"])
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "Access denied"}}, "Invoke")

    events = op.world.deployment.firehose._clients.functions.meta.events  # noqa: SLF001 -- no other way into its client
    events.register("before-call.lambda.Invoke", refuse)
    try:
        yield refused
    finally:
        events.unregister("before-call.lambda.Invoke", refuse)


@scenario("LakeTransformNotInvoked", RESTORE, UNDO)
def transform_not_invoked(op: Operator) -> None:
    """Firehose may no longer invoke the function, which therefore emits neither errors nor throttles."""
    with refusing_function(op) as refused:
        deliver(op, PROCESSING_FAILED)
    assert len(refused) == 4
    op.metric(0.0)
    op.assert_alarm()
    op.assert_ok("LakeTransformFails")
    op.assert_ok("LakeTransformThrottled")
    op.log("LakeDeliveryLogs", {"errorCode": "Lambda.InvokeAccessDenied", "errorMessage": "Access was denied."})
    lose_permission(op, "LakeDeliveryRole", "transform")
    seen = op.look()
    assert "LakeTransformNotInvoked" in seen
    assert "Lambda.InvokeAccessDenied" in seen
    assert "NoSuchEntity" in seen
    assert "1 object with 1 event; nothing was changed" in seen
    restore_permission(op, "LakeDeliveryRole", "transform")
    assert '"lambda:InvokeFunction"' in op.look("get-role-policy")
    undo(op, lambda: None, "LakeTransformFunction")
    put_back(op)
    request(op)
    op.world.settle()
    op.metric(1.0)
    op.assert_ok()
