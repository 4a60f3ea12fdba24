"""The nightly reconciliation in template.yaml: its state machine, its job and its schedule."""

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import account_events
from local_stack.alarms.evaluation import evaluated
from local_stack.build import ROOT
from ops.lake.reconcile.grace import delivery_s
from ops.lake.reconcile.metrics import metric_data
from ops.lake.reconcile.result import ReconciliationResult
from tests.support.states_language import expressions, faults, successors
from tests.support.template_stack import RESOURCES, TEMPLATE, Stack

STACK = Stack("some-stack")
DEFINITION: dict[str, Any] = STACK.properties("ReconcileStateMachine")["Definition"]
STATES: dict[str, Any] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
FAILS = {name: state for name, state in STATES.items() if state["Type"] == "Fail"}

HOUR_S, NIGHT = 3600, 24
NOW = datetime(2026, 11, 30, tzinfo=UTC)

Change = Callable[[dict[str, Any]], Any]


def test_the_definition_is_valid() -> None:
    assert faults(DEFINITION) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda states: states["StartExport"].pop("Next"), "E3601: Only one of ['Next', 'End']"),
        (lambda states: states["StartExport"].update(Parameters={}), "E3601: Additional properties are not allowed"),
        (lambda states: states["Reconciled"].update(Type="Success"), "E3601: 'Success' is not one of"),
        (lambda states: states["StartExport"].update(Next="Lost"), "StartExport: no state Lost"),
        (lambda states: states["StartJob"]["Catch"][0].update(Next="Lost"), "StartJob: no state Lost"),
        (lambda states: states["IsExported"].update(Default="Lost"), "IsExported: no state Lost"),
        (lambda states: states.update(Alone={"Type": "Succeed"}), "Alone: cannot be reached"),
        (
            lambda states: states.update(
                WaitForExport={"Type": "Wait", "Seconds": 1, "Next": "Again"},
                Again={"Type": "Wait", "Seconds": 1, "Next": "WaitForExport"},
            ),
            "Again: no end can be reached",
        ),
        (lambda states: states["HasResult"]["Choices"][0].update(Condition="{% $states.( %}"), "HasResult: $states.("),
        (lambda states: states["StartJob"]["Assign"].pop("run"), "DescribeJob: no state assigns $run"),
    ],
)
def test_a_broken_definition_is_found(change: Change, fault: str) -> None:
    broken = copy.deepcopy(DEFINITION)
    change(broken["States"])
    assert any(each.startswith(fault) for each in faults(broken)), faults(broken)


def test_every_call_is_repeated_and_every_failure_has_its_own_end() -> None:
    ends = []
    for state in TASKS.values():
        *permanent, last = state["Retry"]
        assert last["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"]
        assert 3 <= last["MaxAttempts"] <= 10
        assert last["JitterStrategy"] == "FULL"
        assert permanent[0]["MaxAttempts"] == 0, "errors that last must not be repeated for half an hour"
        [catch] = state["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"]
        ends.append(catch["Next"])
        assert 0 < state["TimeoutSeconds"] <= 60, "the default is three years"
    assert len(set(ends)) == len(ends)
    assert set(ends) <= set(FAILS)


@pytest.mark.parametrize("name", FAILS)
def test_a_failure_is_named_like_its_state_and_names_a_command(name: str) -> None:
    assert FAILS[name]["Error"] == name
    assert re.search(r"[Rr]un\s`account-events [a-z ]+.*--stack\ssome-stack`", FAILS[name]["Cause"])


def test_the_waits_have_a_limit() -> None:
    """A choice that leads back to a wait also has a condition on the number of polls."""
    loops = [state for state in STATES.values() if "Wait" in {STATES[each]["Type"] for each in successors(state)}]
    choices = [state for state in loops if state["Type"] == "Choice"]
    assert len(choices) == 2
    polls_max = 0
    for choice in choices:
        [limit] = [each for each in choice["Choices"] if "$polls" in each["Condition"]]
        assert STATES[limit["Next"]]["Type"] == "Fail"
        polls_max += int(limit["Condition"].split(">=")[1].strip(" %}"))
    waits_s = 60 * polls_max + 300 * 36
    assert waits_s < DEFINITION["TimeoutSeconds"] < 24 * 3600, "a run ends before the next night"


def test_glue_stops_the_job_before_the_state_machine_ends() -> None:
    [limit] = [each for each in STATES["HasCompared"]["Choices"] if "$polls" in each["Condition"]]
    assert f">= {STACK.properties('ReconcileJob')['Timeout'] + 20}" in limit["Condition"]


def test_each_export_has_a_prefix_and_a_token_of_its_execution() -> None:
    arguments = STATES["StartExport"]["Arguments"]
    assert arguments["S3Prefix"] == "{% 'exports/' & $states.context.Execution.Name %}"
    assert arguments["ClientToken"] == "{% $hash($states.context.Execution.Id, 'MD5') %}"
    assert "ExportTime" not in arguments, "a repeated request with another time would be refused"


@pytest.mark.parametrize("key", ["", "arn:aws:kms:eu-central-1:123456789012:key/1b0c3f5e"])
def test_an_export_is_encrypted_as_its_bucket_is(key: str) -> None:
    stack = Stack("some-stack", {"KmsKeyArn": key})
    arguments = stack.properties("ReconcileStateMachine")["Definition"]["States"]["StartExport"]["Arguments"]
    assert arguments.get("S3SseKmsKeyId", "") == key
    assert arguments["S3SseAlgorithm"] == ("KMS" if key else "AES256")


@pytest.mark.parametrize("buffer_s", ["60", "300", "900"])
def test_the_job_allows_the_time_that_a_delivery_takes(buffer_s: str) -> None:
    stack = Stack("some-stack", {"LakeBufferSeconds": buffer_s})
    states = stack.properties("ReconcileStateMachine")["Definition"]["States"]
    [text] = expressions(states["StartJob"]["Arguments"]["Arguments"]["--grace-s"])
    found = re.fullmatch(r"\$string\(([\d.]+) \* (\d+) \+ (\d+)\)", text)
    assert found
    assert float(found[1]) * float(found[2]) + float(found[3]) == delivery_s(float(buffer_s))


def test_its_permissions_are_those_of_its_calls() -> None:
    """Besides those, DynamoDB writes the export with the permissions of the caller."""
    integrations = {state["Resource"].removeprefix("arn:aws:states:::aws-sdk:") for state in TASKS.values()}
    names = {"s3:listObjectsV2": "s3:ListBucket"}
    called = {names.get(each) or re.sub(r":(\w)", lambda found: found[0].upper(), each) for each in integrations}
    granted = {
        action
        for policy in STACK.properties("ReconcileStateMachineRole")["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert granted == called | {"s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl"}


def test_the_job_runs_the_code_of_this_release() -> None:
    job = STACK.properties("ReconcileJob")
    folder = f"s3://some-stack-Lake/jobs/{account_events.__version__}/"
    assert job["Command"]["ScriptLocation"] == f"{folder}reconcile.py"
    assert job["DefaultArguments"]["--extra-py-files"] == f"{folder}reconcile.zip"
    assert job["GlueVersion"] == "5.0"


def test_glue_installs_the_packages_that_the_spark_tests_use() -> None:
    """Besides Spark, pyarrow and pandas with what they need. Glue 5.0 has those and boto3, but no fastavro."""
    lines = (ROOT / "requirements/spark.txt").read_text(encoding="utf-8").splitlines()
    locked = {found[0] for line in lines if (found := re.match(r"[\w-]+==[\d.]+", line))}
    installed = STACK.properties("ReconcileJob")["DefaultArguments"]["--additional-python-modules"].split(",")
    of_glue = ("numpy", "pandas", "py4j", "pyarrow", "pyspark", "python-dateutil", "six", "tzdata")
    assert {each for each in locked if not each.startswith(of_glue)} == set(installed)
    assert any(each.startswith("pyspark==3.5.") for each in locked), "the Spark of Glue 5.0"


def test_the_job_logs_into_groups_of_the_stack() -> None:
    prefix = STACK.properties("ReconcileJob")["DefaultArguments"]["--custom-logGroup-prefix"]
    for name, part in (("ReconcileJobOutput", "output"), ("ReconcileJobErrors", "error")):
        assert STACK.properties(name)["LogGroupName"] == f"{prefix}/{part}"


def test_one_job_runs_at_a_time_and_glue_does_not_repeat_it() -> None:
    job = STACK.properties("ReconcileJob")
    assert (job["ExecutionProperty"], job["MaxRetries"]) == ({"MaxConcurrentRuns": 1}, 0)


@pytest.mark.parametrize(("nightly", "state"), [("on", "ENABLED"), ("off", "DISABLED")])
def test_the_schedule_runs_every_night_unless_it_is_off(nightly: str, state: str) -> None:
    schedule = Stack("some-stack", {"ReconcileNightly": nightly}).properties("ReconcileSchedule")
    assert (schedule["State"], schedule["ScheduleExpression"]) == (state, "cron(0 1 * * ? *)")
    assert schedule["Target"]["Arn"] == "some-stack-ReconcileStateMachine"
    assert TEMPLATE["Parameters"]["ReconcileNightly"]["Default"] == "on"


def test_the_nightly_reconciliation_exists_on_aws_only() -> None:
    names = [name for name in RESOURCES if name.startswith("Reconcile")]
    assert len(names) > 10
    assert {RESOURCES[name]["Condition"] for name in names} == {"OnAws"}


def test_an_unsuccessful_execution_of_any_kind_raises_an_alarm() -> None:
    *metrics, total = STACK.properties("ReconcileFails")["Metrics"]
    names = {each["MetricStat"]["Metric"]["MetricName"] for each in metrics}
    assert names == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    assert total["Expression"] == " + ".join(f"FILL({each['Id']}, 0)" for each in metrics)


def test_a_night_without_a_result_stays_in_alarm_until_a_run_has_one() -> None:
    """ReconcileFails does not stay. As the runbook states, ReconciliationMissing follows within three hours."""
    assert STACK.properties("ReconcileSchedule")["ScheduleExpression"] == "cron(0 1 * * ? *)"
    missing = STACK.properties("ReconciliationMissing")
    assert missing["Period"] == HOUR_S
    published = {
        each["MetricName"]: each["Value"] for each in metric_data(ReconciliationResult(NOW, NOW, 0, 0), "s", NOW)
    }
    failed, repaired = 3 * NIGHT + 1, 4 * NIGHT + 10
    runs = {*range(1, 6 * NIGHT, NIGHT), repaired} - {failed, failed + NIGHT}
    values = dict.fromkeys(runs, published[missing["MetricName"]])

    def is_alarm(now: int) -> bool:
        """After the hour `now`, if all evaluated periods breach."""
        periods = range(now - missing["EvaluationPeriods"] + 1, now + 1)
        return all(evaluated({"m": values.get(hour)}, missing).is_alarm for hour in periods)

    alarms = [hour for hour in range(2 * NIGHT, 6 * NIGHT) if is_alarm(hour)]
    assert alarms == list(range(alarms[0], repaired)), "without a break, and never after a night with a result"
    assert 1 <= alarms[0] - failed <= 3
