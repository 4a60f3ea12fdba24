"""The command `doctor`: its output, its JSON and its exit codes."""

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from ops.doctor.finding import Finding, Kind
from ops.doctor.run import CHECKS, Examination

FINDING = Finding("kind", "where", "What is wrong.", "Why it matters.", "account-events release [x]", "anchor")


@pytest.fixture
def examined(request: pytest.FixtureRequest) -> Iterator[None]:
    with patch("ops.cli.doctor.Deployment"), patch("ops.cli.doctor.examine", return_value=request.param):
        yield


def run(*arguments: str) -> Any:  # noqa: ANN401 -- click's result
    return CliRunner().invoke(app, ["doctor", *arguments])


@pytest.mark.usefixtures("examined")
@pytest.mark.parametrize("examined", [Examination([], list(CHECKS))], indirect=True)
def test_a_healthy_stack_exits_with_0() -> None:
    done = run()
    assert done.exit_code == 0
    assert f"0 findings; {len(CHECKS)} of {len(CHECKS)} checks completed" in done.stdout


@pytest.mark.usefixtures("examined")
@pytest.mark.parametrize("examined", [Examination([FINDING], ["stack"])], indirect=True)
def test_a_finding_is_printed_with_its_repair_and_exits_with_1() -> None:
    done = run()
    assert done.exit_code == 1
    for text in ("kind: What is wrong.", "Why it matters.", FINDING.repair, "docs/runbook.md#anchor"):
        assert text in done.stderr
    assert f"1 finding; 1 of {len(CHECKS)} checks completed" in done.stdout


@pytest.mark.usefixtures("examined")
@pytest.mark.parametrize("examined", [Examination([FINDING], ["stack"])], indirect=True)
def test_json_has_each_finding_with_all_its_fields() -> None:
    done = run("--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["completed"] == ["stack"]
    assert found["findings"] == [
        {
            "kind": "kind",
            "where": "where",
            "what": "What is wrong.",
            "why": "Why it matters.",
            "repair": FINDING.repair,
            "runbook": "anchor",
            "look": "",
        }
    ]


BY_CAUSE = Kind("kind", "Why it matters.", "anchor").without_repair("where", "What is wrong.", "aws look")


@pytest.mark.usefixtures("examined")
@pytest.mark.parametrize("examined", [Examination([BY_CAUSE], ["stack"])], indirect=True)
def test_without_a_repair_it_prints_where_to_look_and_the_entry() -> None:
    done = run()
    assert "Look: aws look\n" in done.stderr
    assert "Repair: it depends on the cause; the runbook entry has the steps for each\n" in done.stderr
