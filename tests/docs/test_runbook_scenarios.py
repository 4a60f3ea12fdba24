"""Each entry and each procedure of the runbook is exercised by a scenario (tests/e2e/runbook)."""

import pytest

from tests.e2e.runbook import (
    test_api_and_projector,
    test_deployments,
    test_lake_and_findings,
    test_read_model_and_totals,
)
from tests.e2e.runbook.on_call import ENTRIES, PROCEDURES, may_fail
from tests.e2e.runbook.scenarios import SCENARIOS, Scenario, of_modules

TESTS = (test_api_and_projector, test_deployments, test_lake_and_findings, test_read_model_and_totals)
INJECTED_MAX = 17


def not_exercised(entries: set[str], scenarios: set[str]) -> list[str]:
    """What is missing: entries without a scenario, and scenarios without an entry."""
    return [f"{name}: no scenario" for name in sorted(entries - scenarios)] + [
        f"{name}: no entry" for name in sorted(scenarios - entries)
    ]


def test_every_entry_has_a_scenario() -> None:
    assert len(ENTRIES) > 55
    assert not_exercised(set(ENTRIES), set(SCENARIOS)) == []


def test_an_entry_without_a_scenario_is_found() -> None:
    assert not_exercised({"A", "B"}, {"B", "C"}) == ["A: no scenario", "C: no entry"]


def test_every_scenario_is_run_once() -> None:
    run = [each.entry for tests in TESTS for each in of_modules(*tests.MODULES)]
    assert sorted(run) == sorted(SCENARIOS)


def test_every_procedure_is_used_by_a_scenario() -> None:
    assert {heading for each in SCENARIOS.values() for heading in each.uses} == set(PROCEDURES)


@pytest.mark.parametrize(
    "scenario", [each for each in SCENARIOS.values() if each.injected], ids=lambda each: each.entry
)
def test_the_reason_for_injected_data_is_a_sentence(scenario: Scenario) -> None:
    assert scenario.injected.endswith(".")
    assert len(scenario.injected.split()) > 3


def test_few_conditions_are_injected() -> None:
    assert sum(bool(each.injected) for each in SCENARIOS.values()) <= INJECTED_MAX


@pytest.mark.parametrize(
    ("command", "may"),
    [
        ("account-events check --table T", True),
        ("aws iam get-role-policy --role-name R --policy-name P", True),
        ("aws kinesis describe-stream-summary --stream-name S", True),
        ("aws kinesis increase-stream-retention-period --stream-name S --retention-period-hours 1", False),
        ("aws s3 rm s3://B/K", False),
        ("sam deploy", False),
    ],
)
def test_a_command_that_changes_something_must_succeed(command: str, may: bool) -> None:  # noqa: FBT001 -- a test's
    assert may_fail(command.split()) is may
