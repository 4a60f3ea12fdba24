"""Scenarios of the API's alarms. The emulator writes no access log and has no metrics of API Gateway.

The scenarios write the access log's lines for the responses that they received, and count them for the metrics.
"""

import httpx

from tests.e2e.runbook.causes import RESTORE, UNDO, break_settings, fail, lose_permission, restore_permission, undo
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario
from tests.support.log_pattern import matches
from tests.support.template_stack import RESOURCES

LIMIT = "Raise the concurrency limit"


def request(op: Operator, amount: str = "1.00") -> httpx.Response:
    """Send a command."""
    return op.world.api.command(op.world.second, "credit", amount)


def access_log(op: Operator, *statuses: int, latency_ms: int = 20) -> None:
    """Write the lines that API Gateway writes in the template's format."""
    op.log("HttpApiLogs", *({"requestId": "1", "status": str(each), "latencyMs": str(latency_ms)} for each in statuses))


@scenario("ApiFails", RESTORE, UNDO)
def api_fails(op: Operator) -> None:
    """The API may no longer write the ledger."""
    lose_permission(op, "ApiFunctionRole", "ledger")
    failed = [request(op).status_code for _ in range(3)]
    assert failed == [500] * 3
    access_log(op, *failed)
    op.metric(*[1] * len(failed))
    op.assert_alarm()
    assert '"status": "500"' in op.look("HttpApiLogs")
    assert "internal_error" in op.look("$.status >= 500")
    assert "AccessDeniedException" in op.look("request failed")
    assert "0 accounts with findings" in op.repair("check")
    restore_permission(op, "ApiFunctionRole", "ledger")
    undo(op, lambda: None, "ApiFunctionRole")
    op.mark()
    assert request(op).status_code == 200
    op.assert_ok()
    assert "500" not in op.look("HttpApiLogs")


@scenario("ApiFunctionFails", UNDO)
def function_fails(op: Operator) -> None:
    """A variable of the function is removed, so it cannot start."""
    restored = break_settings(op, "ApiFunction", "OWNED_TABLE_NAME")
    fail(op, "ApiFunction")
    op.assert_alarm()
    assert "OWNED_TABLE_NAME" in op.look("errors_in")
    assert '"OWNED_TABLE_NAME"' not in op.look("get-function-configuration")
    op.repair("--memory-size")
    undo(op, restored, "ApiFunction")
    op.mark()
    assert request(op).status_code == 200
    assert op.over("errors_in").strip() == ""
    op.assert_ok()


@scenario("ApiFunctionThrottled", LIMIT)
def function_throttled(op: Operator) -> None:
    """The function's own reservation is used up."""
    functions, name = op.client("lambda"), op.output("ApiFunctionName")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert request(op).status_code in {429, 503}, "API Gateway answers 503, the emulator 429"
    access_log(op, 503)
    op.assert_alarm()
    seen = op.look()
    assert '"ReservedConcurrentExecutions": 0' in seen
    assert '"status": "503"' in seen
    op.repair(NUMBER="400")
    assert '"ReservedConcurrentExecutions": 400' in op.look("concurrency_of")
    op.stubs["service-quotas", "request-service-quota-increase"] = lambda _: {"RequestedQuota": {"Status": "PENDING"}}
    op.procedure(LIMIT)
    op.mark()
    assert request(op).status_code == 200
    op.assert_ok()
    assert "503" not in op.look("HttpApiLogs")
    functions.delete_function_concurrency(FunctionName=name)


@scenario("ApiIsSlow", injected="A request of several seconds would take as long in every run of the tests.")
def is_slow(op: Operator) -> None:
    op.metric(*[30] * 50, *[4_321] * 2)
    access_log(op, 200, latency_ms=4_321)
    facts = {"operation": "credit", "conflicts": 7, "caller": "busy-caller"}
    op.log("ApiFunctionLogs", {"message": "request", **facts}, {"record": {"metrics": {"initDurationMs": 812.5}}})
    op.assert_alarm()
    seen = op.look()
    assert '"latencyMs": "4321"' in seen
    assert "busy-caller" in seen
    assert "initDurationMs" in seen
    functions, name = op.client("lambda"), op.output("ApiFunctionName")
    before = functions.get_function_configuration(FunctionName=name)["MemorySize"]
    op.repair()
    assert functions.get_function_configuration(FunctionName=name)["MemorySize"] == 1_024
    op.mark()
    assert request(op).status_code == 200
    op.metric(30)
    op.assert_ok()
    functions.update_function_configuration(FunctionName=name, MemorySize=before)


def set_limits(op: Operator) -> None:
    """Set the template's limits, because the emulator's CloudFormation does not."""
    limits = RESOURCES["HttpApiStage"]["Properties"]["DefaultRouteSettings"]
    op.client("apigatewayv2").update_stage(ApiId=op.output("ApiId"), StageName="$default", DefaultRouteSettings=limits)


@scenario("ApiRefusesCallers", injected="The emulator's stage has limits, but does not enforce them.")
def refuses_callers(op: Operator) -> None:
    set_limits(op)
    request(op)
    access_log(op, 429, 200, 429)
    pattern = RESOURCES["HttpApiTooManyRequests"]["Properties"]["FilterPattern"]
    lines = op.client("logs").filter_log_events(
        logGroupName=op.id_of("HttpApiLogs"), startTime=int(op.since_s * 1_000)
    )["events"]
    op.metric(*[1 for line in lines if matches(pattern, line["message"])])
    op.assert_alarm()
    seen = op.look()
    assert seen.count('"status": "429"') == 2
    assert '"ThrottlingRateLimit": 1000' in seen
    assert op.world.second in seen
    assert op.repair("concurrency_of").startswith("[")
    op.repair("update-stage")
    assert '"ThrottlingRateLimit": 2000' in op.look("get-stage")
    set_limits(op)
    op.mark()
    op.metric(0)
    op.assert_ok()
    assert "429" not in op.look("HttpApiLogs")
