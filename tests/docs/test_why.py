"""What `account-events why` names exists: the runbook's entries and the steps of the timeline."""

import re
from pathlib import Path

import pytest

from ops.doctor.finding import Kind
from ops.why import diagnosis
from ops.why.timeline import PATH
from tests.support.runbook import anchors

DOCS = Path(__file__).parents[2] / "docs"
KINDS = {each.name: each for each in vars(diagnosis).values() if isinstance(each, Kind)}
WITHOUT_ENTRY = {"on-its-way", "refused"}
"""Nothing is wrong with the stack."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_an_entry_in_the_runbook(kind: str) -> None:
    runbook = KINDS[kind].runbook
    if kind in WITHOUT_ENTRY:
        assert runbook == ""
    else:
        assert runbook in anchors((DOCS / "runbook.md").read_text())


def test_the_entry_of_failed_conversions_exists() -> None:
    assert diagnosis.LAKE_CONVERSION_FAILS in anchors((DOCS / "runbook.md").read_text())


def test_the_section_names_each_step_of_the_timeline() -> None:
    section = (DOCS / "operating.md").read_text().partition("## Where is my event?\n")[2].partition("\n## ")[0]
    steps = {step for row in re.findall(r"^\| ([a-z ,]+) \|", section, re.MULTILINE) for step in row.split(", ")}
    assert steps >= set(PATH)
