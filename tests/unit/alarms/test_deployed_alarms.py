"""The alarms of template.yaml, with the names of a local stack."""

import json

import pytest

from local_stack.alarms.deployed_alarms import DeployedAlarms, named
from local_stack.alarms.evaluation import inputs_of, metrics_of
from local_stack.deploy import read_template
from tests.support.template_metrics import ALARMS, COMPOSITES
from tests.support.template_stack import RESOURCES

PHYSICAL_IDS = {
    "ProjectorMapping": "uuid-1",
    "DomainEventsStream": "events",
    "LakeTotalsNotInvoked": "http://127.0.0.1:1/000000000000/totals-not-invoked",
    "ProjectorFunctionLogs": "/aws/lambda/projector",
}


@pytest.fixture(scope="module")
def alarms() -> DeployedAlarms:
    return named(read_template(), "s", {"LakeBufferSeconds": "60"}, PHYSICAL_IDS)


def dimensions(alarms: DeployedAlarms, alarm: str) -> dict[str, str]:
    [metric] = metrics_of(alarms.plain[alarm]).values()
    return dict(metric.dimensions)


def test_every_alarm_of_the_template_is_there(alarms: DeployedAlarms) -> None:
    assert list(alarms.plain) == list(ALARMS)
    assert list(alarms.rules) == list(COMPOSITES)


def test_no_function_of_the_template_is_left(alarms: DeployedAlarms) -> None:
    text = json.dumps([alarms.plain, alarms.rules])
    assert "Fn::" not in text
    assert '"Ref"' not in text
    assert "${" not in text


@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        ("ProjectorStopped", {"EventSourceMappingUUID": "uuid-1"}),
        ("EventStreamThrottled", {"StreamName": "events"}),
        ("LakeReadsNothing", {"DeliveryStreamName": "s-lake"}),
        ("LakeTotalsNotDelivered", {"QueueName": "totals-not-invoked"}),
        ("ProjectorParks", {"Stack": "s", "service": "projector"}),
        ("BackupMissing", {"BackupVaultName": "s-BackupVault-1A2B3C"}),
    ],
)
def test_metrics_have_the_names_of_the_stack(alarms: DeployedAlarms, alarm: str, expected: dict[str, str]) -> None:
    assert dimensions(alarms, alarm) == expected


def test_parameters_have_the_values_of_the_stack(alarms: DeployedAlarms) -> None:
    [expression] = [each["Expression"] for each in alarms.plain["LakeIsBehind"]["Metrics"] if "Expression" in each]
    assert expression == "freshness - 1.5 * 60"


def test_a_composite_alarm_names_its_inputs(alarms: DeployedAlarms) -> None:
    assert inputs_of(alarms.rules["LakeStopped"]) == ["EventsArrive", "LakeReadsNothing"]


def test_every_alarm_has_the_entry_of_its_own_name(alarms: DeployedAlarms) -> None:
    assert alarms.runbooks == {name: name.lower() for name in [*ALARMS, *COMPOSITES]}


def test_inputs_of_composite_alarms_send_no_message(alarms: DeployedAlarms) -> None:
    inputs = {name for rule in alarms.rules.values() for name in inputs_of(rule)}
    assert inputs >= {"EventsArrive", "LakeReadsNothing", "LedgerIsWritten"}
    assert {*ALARMS, *COMPOSITES} - set(alarms.with_message) == inputs
    order = list(RESOURCES)
    assert sorted(alarms.with_message, key=order.index) == list(alarms.with_message)


def test_only_log_groups_of_the_local_stack_are_read(alarms: DeployedAlarms) -> None:
    assert alarms.log_groups == ("/aws/lambda/projector",)


@pytest.mark.parametrize("rule", ["", 'OK("a")', 'ALARM("a") OR ALARM("b")'])
def test_a_rule_that_is_not_understood_is_an_error(rule: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        inputs_of(rule)
