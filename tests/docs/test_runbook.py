"""The runbook has a complete entry for each alarm, in the template's order, and for each kind of finding of `doctor`.

It names only what exists.
"""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from ops.doctor import checks, run
from ops.doctor.finding import Kind
from tests.support.runbook import FINDINGS, PARTS, SEVERITIES, Entry, anchors, code, commands, entries, functions
from tests.support.template_metrics import ALARMS, COMPOSITES, inputs_of
from tests.support.template_stack import RESOURCES, TEMPLATE

DOCUMENT = (Path(__file__).parents[2] / "docs/runbook.md").read_text(encoding="utf-8")
ENTRIES = {entry.name: entry for entry in entries(DOCUMENT)}
EXPECTED = [name for name in RESOURCES if name in {**ALARMS, **COMPOSITES}]
INPUTS = {alarm for composite in COMPOSITES for alarm in inputs_of(composite)}
FUNCTIONS = functions(DOCUMENT)
LOGS = "AWS::Logs::LogGroup"
FUNCTION = "AWS::Serverless::Function"


def faults(document: str, alarms: list[str], inputs: set[str]) -> list[str]:
    """What is wrong with the runbook's entries for these alarms."""
    found = [entry for entry in entries(document) if entry.section != FINDINGS]
    named = [entry.name for entry in found]
    wrong = [f"{alarm}: no entry" for alarm in alarms if alarm not in named]
    wrong += [f"{name}: no alarm" for name in named if name not in alarms]
    wrong += [f"{name}: two entries" for name in dict.fromkeys(named) if named.count(name) > 1]
    if not wrong and named != alarms:
        wrong.append("the entries are not in the template's order")
    return wrong + [fault for entry in found for fault in faults_in(entry, entry.name in inputs, functions(document))]


def faults_in(entry: Entry, is_input: bool, known: set[str]) -> list[str]:  # noqa: FBT001 -- a test's
    if entry.labels != PARTS:
        return [f"{entry.name}: its parts are {', '.join(entry.labels)}"]
    wrong = [f"{entry.name}: {label} is empty" for label, text in entry.parts if not re.search(r"\w", text)]
    wrong += [
        f"{entry.name}: {label} has no command"
        for label in ("How to look", "How to repair")
        if not commands(entry[label], known) and not (is_input and label == "How to repair")
    ]
    if not entry["How bad it is"].startswith(SEVERITIES):
        wrong.append(f"{entry.name}: How bad it is begins with no severity")
    return wrong


def test_every_alarm_has_one_complete_entry_in_the_templates_order() -> None:
    assert len(EXPECTED) > 40
    assert faults(DOCUMENT, EXPECTED, INPUTS) == []


def test_the_severities_are_defined_once() -> None:
    assert tuple(re.findall(r"^\| \*\*(.+?)\*\* \|", DOCUMENT, re.MULTILINE)) == SEVERITIES


@pytest.mark.parametrize("alarm", sorted(INPUTS))
def test_the_entry_of_an_input_refers_to_the_composite_alarm(alarm: str) -> None:
    [composite] = [name for name in COMPOSITES if alarm in inputs_of(name)]
    assert f"[{composite}](#{composite.lower()})" in ENTRIES[alarm]["How to repair"]


ENTRY = """### {alarm}

**What it means.** It stopped.

**How bad it is.** Urgent.

**How to look.** `state_of {alarm}`

**How to repair.**

```
aws lambda update-event-source-mapping \\
  --enabled
```

**It is over when** it runs.
"""
SMALL = "## Preparation\n\n```\nstate_of() {\n}\n```\n\n## The API\n\n" + "\n".join(
    ENTRY.format(alarm=alarm) for alarm in ("First", "Second")
)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (SMALL, None),
        (SMALL.replace("### Second", "Second"), "Second: no entry"),
        (SMALL + ENTRY.format(alarm="Third"), "Third: no alarm"),
        (SMALL + ENTRY.format(alarm="Second"), "Second: two entries"),
        (
            SMALL.replace("### First", "### 1").replace("### Second", "### First").replace("### 1", "### Second"),
            "the entries are not in the template's order",
        ),
        (SMALL.replace("**How bad it is.** Urgent.\n\n", ""), "First: its parts are"),
        (SMALL.replace("It stopped.", ""), "First: What it means is empty"),
        (SMALL.replace(" it runs.", " ."), "First: It is over when is empty"),
        (SMALL.replace("`state_of First`", "Look."), "First: How to look has no command"),
        (SMALL.replace("`state_of First`", "`First`"), "First: How to look has no command"),
        (SMALL.replace("aws lambda", "Enable"), "First: How to repair has no command"),
        (SMALL.replace("Urgent.", "It is urgent."), "First: How bad it is begins with no severity"),
    ],
)
def test_a_faulty_entry_is_found(document: str, fault: str | None) -> None:
    found = faults(document, ["First", "Second"], set())
    assert found == [] if fault is None else any(each.startswith(fault) for each in found), found


def test_only_an_input_needs_no_command_that_repairs_it() -> None:
    document = SMALL.replace("aws lambda", "Enable")
    assert faults(document, ["First", "Second"], {"First", "Second"}) == []


def test_its_links_within_the_page_have_targets() -> None:
    links = re.findall(r"\]\(#([^)]+)\)", DOCUMENT)
    assert len(links) > 100
    assert set(links) <= anchors(DOCUMENT)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_each_function_of_the_preparation_is_used(function: str) -> None:
    texts = [text for entry in ENTRIES.values() for _, text in entry.parts]
    assert any(re.search(rf"\b{function}\b", line) for text in texts for line in code(text))


def test_calls_of_its_functions_name_resources_of_the_right_type() -> None:
    calls = re.findall(r"(?<![\w/-])(\w+_of|errors_in|output) ([A-Z]\w+)", DOCUMENT)
    assert len(calls) > 100
    targets = {
        "id_of": RESOURCES,
        "output": TEMPLATE["Outputs"],
        "state_of": {**ALARMS, **COMPOSITES},
        "errors_in": {name: each for name, each in RESOURCES.items() if each["Type"] == LOGS},
        "concurrency_of": {name: each for name, each in RESOURCES.items() if each["Type"] == FUNCTION},
    }
    assert set(targets) | {"alarms"} == FUNCTIONS
    assert [call for call in calls if call[1] not in targets[call[0]]] == []


CHECKS = [import_module(f"{checks.__name__}.{each.name}") for each in pkgutil.iter_modules(checks.__path__)]
KINDS = {each.name: each for module in (*CHECKS, run) for each in vars(module).values() if isinstance(each, Kind)}
ANCHORS_BY_RESOURCE = {
    resource: [found] if isinstance(found, str) else found
    for module in CHECKS
    for resource, found in vars(module).get("RUNBOOK", {}).items()
}
"""The anchors with which a check replaces those of its kinds."""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_of_finding_refers_to_a_heading(kind: Kind) -> None:
    assert kind.runbook in anchors(DOCUMENT)


@pytest.mark.parametrize("resource", ANCHORS_BY_RESOURCE)
def test_each_resources_own_entry_has_a_heading(resource: str) -> None:
    assert set(ANCHORS_BY_RESOURCE[resource]) <= anchors(DOCUMENT)


def test_the_group_of_findings_has_a_complete_entry_for_each_kind() -> None:
    found = [entry for entry in entries(DOCUMENT) if entry.section == FINDINGS]
    assert len(KINDS) > 30
    assert sorted(entry.name for entry in found) == sorted(name for name, kind in KINDS.items() if kind.runbook == name)
    assert [fault for entry in found for fault in faults_in(entry, is_input=False, known=FUNCTIONS)] == []


ROLES = {name: role["Properties"] for name, role in RESOURCES.items() if role["Type"] == "AWS::IAM::Role"}


def test_the_policies_that_it_names_are_those_of_the_roles() -> None:
    for role, policy in re.findall(r'"\$\(id_of (\w+Role)\)"\s(?:\\\n *)?--policy-name ([\w-]+)', DOCUMENT):
        assert policy in {each["PolicyName"] for each in ROLES[role]["Policies"]}, (role, policy)


@pytest.mark.parametrize(
    ("alarm", "role"),
    [
        ("ProjectorStopped", "ProjectorFunctionRole"),
        ("AccountsByOwnerStopped", "AccountsByOwnerFunctionRole"),
        ("LakeStopped", "LakeDeliveryRole"),
    ],
)
def test_an_entry_on_a_lost_permission_lists_the_roles_policies(alarm: str, role: str) -> None:
    listed = re.search(r"must have the policies (.*?)\.", " ".join(ENTRIES[alarm]["How to look"].split()))
    assert listed
    assert re.findall(r"`([\w-]+)`", listed[1]) == [each["PolicyName"] for each in ROLES[role]["Policies"]]
