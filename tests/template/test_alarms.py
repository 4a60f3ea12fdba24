"""The alarms: each is raised by silence where it must be, and names its runbook entry."""

import re
from typing import Any

import pytest

from tests.support.template_metrics import (
    ALARMS,
    COMPOSITES,
    all_metrics,
    expressions_of,
    ids_in,
    inputs_of,
    metrics_of,
)
from tests.support.template_stack import RESOURCES, of_type

EVERY = {**ALARMS, **COMPOSITES}
ON_AWS_METRICS = [each for each in all_metrics() if str(each.namespace).startswith("AWS/")]
DESCRIPTION_LENGTH_MAX = 1_024
"""CloudWatch API reference, PutMetricAlarm."""
INPUTS = {alarm for composite in COMPOSITES for alarm in inputs_of(composite)}


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = EVERY[name]["Properties"]
    return found


def reading(namespace: str, metric: str) -> dict[str, str]:
    """The alarm on a metric, by the logical id of the resource in its only dimension."""
    found = [each for each in all_metrics() if (each.namespace, each.name) == (namespace, metric)]
    return {value["Ref"]: each.reader for each in found for value in each.dimensions.values()}


@pytest.mark.parametrize("alarm", sorted(name for name in ALARMS if expressions_of(name)))
def test_metric_math_uses_each_metric_and_returns_one_result(alarm: str) -> None:
    """CloudWatch evaluates the one entry that returns data, and rejects periods that differ."""
    entries = properties(alarm)["Metrics"]
    ids = {each["Id"] for each in entries if "MetricStat" in each}
    assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", each["Id"]) for each in entries)
    [expression] = expressions_of(alarm)
    assert ids_in(expression) == ids
    assert [each.get("ReturnData", True) for each in entries].count(True) == 1
    assert "Expression" in entries[-1]
    assert "ReturnData" not in entries[-1]
    assert len({metric.period_s for metric in metrics_of(alarm)}) == 1
    assert len(ids) <= 10, "PutMetricAlarm takes at most ten metrics, and up to ten expressions (MetricDataQuery)"


def test_alarms_on_dynamodb_fill_missing_data() -> None:
    """A plain alarm on a metric of DynamoDB would stay in ALARM, because it ignores missing data."""
    found = {metric.reader for metric in ON_AWS_METRICS if metric.namespace == "AWS/DynamoDB"}
    assert len(found) == 5
    for alarm in found:
        [expression] = expressions_of(alarm)
        assert all(f"FILL({each}, 0)" in expression for each in ids_in(expression))
        # A filled period may be evaluated before its metric arrives, so one period must not decide.
        assert 1 < properties(alarm)["DatapointsToAlarm"] < properties(alarm)["EvaluationPeriods"]


def test_every_table_and_index_has_an_alarm_on_throttling() -> None:
    expected = set()
    for name, table in of_type("AWS::DynamoDB::Table").items():
        indexes = [None, *(each["IndexName"] for each in table["Properties"].get("GlobalSecondaryIndexes", ()))]
        expected |= {
            (name, index, event) for index in indexes for event in ("ReadThrottleEvents", "WriteThrottleEvents")
        }
    found = {
        (metric.dimensions["TableName"]["Ref"], metric.dimensions.get("GlobalSecondaryIndexName"), metric.name)
        for metric in ON_AWS_METRICS
        if metric.name.endswith("ThrottleEvents")
    }
    assert found == expected


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm_on(metric: str) -> None:
    assert reading("AWS/Lambda", metric).keys() == of_type("AWS::Serverless::Function").keys()


@pytest.mark.parametrize("metric", ["PolledEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount"])
def test_every_mapping_has_an_alarm_on(metric: str) -> None:
    assert reading("AWS/Lambda", metric).keys() == of_type("AWS::Lambda::EventSourceMapping").keys()


def test_every_function_that_reads_a_stream_has_an_alarm_on_its_age() -> None:
    mappings = of_type("AWS::Lambda::EventSourceMapping").values()
    functions = {mapping["Properties"]["FunctionName"]["Ref"] for mapping in mappings}
    assert reading("AWS/Lambda", "IteratorAge").keys() == functions
    assert reading("AWS/Lambda", "DestinationDeliveryFailures").keys() == functions


def test_a_mapping_that_does_not_poll_raises_an_alarm() -> None:
    """Empty polls emit zero; a mapping that is disabled or lacks a permission emits nothing."""
    for mapping, alarm in reading("AWS/Lambda", "PolledEventCount").items():
        found = properties(alarm)
        assert (found["Statistic"], found["ComparisonOperator"], found["Threshold"]) == (
            *("SampleCount", "LessThanThreshold", 1),
        )
        assert found["TreatMissingData"] == "breaching"
        metrics = RESOURCES[mapping]["Properties"]["MetricsConfig"]
        assert metrics["Fn::If"][:2] == ["OnAws", {"Metrics": ["EventCount"]}], "without it, no such metric exists"


def test_a_lake_that_reads_nothing_raises_an_alarm_if_events_arrive() -> None:
    assert inputs_of("LakeStopped") == {"EventsArrive", "LakeReadsNothing"}
    assert_output_stops_while_input_arrives("EventsArrive", "LakeReadsNothing")


def test_a_ledger_whose_events_are_not_published_raises_an_alarm() -> None:
    """Whatever the cause: the mapping may poll, but filter all rows out, or poll the wrong stream."""
    assert inputs_of("NothingPublished") == {"LedgerIsWritten", "NoEventsArrive"}
    assert_output_stops_while_input_arrives("LedgerIsWritten", "NoEventsArrive")
    [written], [published] = metrics_of("LedgerIsWritten"), metrics_of("NoEventsArrive")
    assert (written.name, written.dimensions) == ("ConsumedWriteCapacityUnits", {"TableName": {"Ref": "AccountsTable"}})
    assert (published.name, published.dimensions) == ("IncomingRecords", {"StreamName": {"Ref": "DomainEventsStream"}})


def assert_output_stops_while_input_arrives(incoming: str, outgoing: str) -> None:
    arriving, leaving = properties(incoming), properties(outgoing)
    assert (arriving["TreatMissingData"], leaving["TreatMissingData"]) == ("notBreaching", "breaching")
    assert (arriving["ComparisonOperator"], arriving["Threshold"]) == ("GreaterThanThreshold", 0)
    assert (leaving["ComparisonOperator"], leaving["Threshold"]) == ("LessThanThreshold", 1)
    # One window for both, so that the output of the input that raises one alarm keeps the other in OK.
    assert {each.period_s for name in (incoming, outgoing) for each in metrics_of(name)} == {300}
    assert [each["EvaluationPeriods"] for each in (arriving, leaving)] == [6, 6]
    # Two periods with input, so that the first input does not raise it before the output's metric arrives.
    assert arriving["DatapointsToAlarm"] == 2
    assert "DatapointsToAlarm" not in leaving


@pytest.mark.parametrize("metric", ["5xx", "Errors", "IteratorAge", "Throttles"])
def test_failures_three_minutes_apart_raise_an_alarm(metric: str) -> None:
    """An API with few callers, or a mapping between its retries, has minutes without data.

    AWS publishes no figures for the time between retries of a stream's batch. An alarm on consecutive minutes would
    never be raised if it is longer than a minute, because missing data is no fault.
    """
    found = {each.reader for each in ON_AWS_METRICS if each.name == metric and each.period_s == 60}
    assert found
    for alarm in found:
        each = properties(alarm)
        assert (each["TreatMissingData"], each["DatapointsToAlarm"]) == ("notBreaching", 3), alarm
        assert each["EvaluationPeriods"] >= 3 * each["DatapointsToAlarm"], alarm


def test_an_invocation_that_does_not_reach_the_transform_raises_an_alarm() -> None:
    """Firehose stores the records as failed, and neither counts an error nor a throttle of the function."""
    found = properties("LakeTransformNotInvoked")
    assert (found["Namespace"], found["MetricName"]) == ("AWS/Firehose", "ExecuteProcessing.Success")
    assert (found["Statistic"], found["ComparisonOperator"], found["Threshold"]) == (
        "Average",
        "LessThanThreshold",
        0.5,
    )
    # Without traffic nothing is invoked. One period decides, because a batch is stored as failed within minutes.
    assert (found["TreatMissingData"], found["EvaluationPeriods"]) == ("notBreaching", 1)


@pytest.mark.parametrize(
    "alarm", [name for name in ALARMS if ALARMS[name]["Properties"]["TreatMissingData"] == "ignore"]
)
def test_an_alarm_that_keeps_its_state_is_cleared_by_the_next_value(alarm: str) -> None:
    """The maximum of a longer period would contain the value from before the repair, and nothing follows."""
    found = properties(alarm)
    assert found["Statistic"] == "Maximum"
    assert found["Period"] * found["EvaluationPeriods"] <= 300


def test_missing_reconciliations_raise_an_alarm() -> None:
    found = properties("ReconciliationMissing")
    assert (found["Period"], found["EvaluationPeriods"]) == (3_600, 26)
    assert (found["Statistic"], found["ComparisonOperator"], found["Threshold"]) == ("Sum", "LessThanThreshold", 1)
    assert found["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("name", sorted(EVERY))
def test_an_alarm_is_deployed_on_aws_and_notifies_the_topic(name: str) -> None:
    assert EVERY[name]["Condition"] == "OnAws"
    if name in INPUTS:
        assert "AlarmActions" not in properties(name), "only the composite alarm notifies"
        return
    assert properties(name)["AlarmActions"]["Fn::If"] == [
        "HasAlarmTopic",
        [{"Ref": "AlarmTopicArn"}],
        {"Ref": "AWS::NoValue"},
    ]


@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_description_ends_with_the_runbook_entry(name: str) -> None:
    description = properties(name)["AlarmDescription"]
    assert description.endswith(f" Runbook: docs/runbook.md#{name.lower()}")
    assert len(description) <= DESCRIPTION_LENGTH_MAX


def test_every_alarm_states_how_it_treats_missing_data() -> None:
    assert all(alarm["Properties"].get("TreatMissingData") for alarm in ALARMS.values())
