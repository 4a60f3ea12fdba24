"""docs/consuming.md and the README: their examples work, and the guide explains every error.

tests/processes/test_wheel.py runs the guide's examples where only the wheel is installed.
"""

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import account_events.aggregation
import account_events.avro
import account_events.consumer
from account_events.avro import errors as schema_errors
from account_events.consumer import errors as kit_errors
from tests.support import consuming_guide
from tests.support.consuming_resources import inbox_request, resources
from tests.support.template_stack import RESOURCES, Stack
from tests.unit.consumer.given import encoded, events_of, records

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/consuming.md").read_text(encoding="utf-8")
INTERNAL = {"StaleRevision", "KitError", "ContractError", "InvalidEvent", "Undecodable"}
LINES_MAX = 20
DEFAULTS = {"MaximumBatchingWindowInSeconds": 0, "ParallelizationFactor": 1}
"""Defaults of AWS::Lambda::EventSourceMapping that the template states and the guide omits."""
OF_THE_TEMPLATE = {"Enabled", "MetricsConfig"}
"""Properties that the template has for its own local stack and alarms."""


def test_the_guide_s_examples_work() -> None:
    consuming_guide.run(DOCUMENT, inbox_request())


def test_the_readme_s_example_works_and_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = consuming_guide.PYTHON.findall((ROOT / "README.md").read_text())
    assert len(example.strip().splitlines()) <= LINES_MAX
    sent = [
        {"SequenceNumber": number, "Data": data}
        for number, data, _ in records(encoded("a", 3), encoded("a", 2), encoded("a", 4)[3:])
    ]
    exec(compile(example, "README.md", "exec"), {"records": sent})  # noqa: S102 -- the README's example
    assert capsys.readouterr().out.splitlines() == [
        "a was opened by owner-1",
        *[f"a has {event.balance} {event.currency}" for event in events_of("a", 4)[1:]],
    ]


def test_a_reader_can_import_every_name_that_the_guide_shows() -> None:
    """`account_events.consumer` has the name, an example imports it, or the text names the errors' module."""
    imported = {
        alias.name: node.module
        for example in consuming_guide.PYTHON.findall(DOCUMENT)
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {"Codec", "CONTRACT", "GlueRegistry"} <= imported.keys()
    errors = {name for module in (kit_errors, schema_errors) for name in vars(module)}
    assert all(f"`{module.__name__}`" in DOCUMENT for module in (kit_errors, schema_errors))
    own = {name for module in modules() for name, found in vars(module).items() if is_own(found)}
    text = re.sub(r"^```.*?^```$", "", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    shown = {name for code in re.findall(r"`([^`\n]+)`", text) for name in re.findall(r"(?<![\w.])[A-Z]\w+", code)}
    assert {"Codec", "Outcome"} <= shown & own
    assert not (shown & own) - vars(account_events.consumer).keys() - imported.keys() - errors


def test_the_guide_names_the_module_of_every_error_in_its_table() -> None:
    table = DOCUMENT[DOCUMENT.index("| error |") : DOCUMENT.index("Import `Unavailable`")]
    errors = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    sentence = " ".join(DOCUMENT[DOCUMENT.index("Import `Unavailable`") :].split())
    [listed] = re.findall(r"^Import (.*?) from `account_events.consumer.errors`, and the others from", sentence)
    of_the_kit = set(re.findall(r"`(\w+)`", listed))
    assert of_the_kit == errors & vars(kit_errors).keys()
    assert errors - of_the_kit <= vars(schema_errors).keys()


@pytest.mark.parametrize(
    ("own", "template"), [("ConsumerInbox", "AccountsByOwnerInbox"), ("ConsumerMapping", "AccountsByOwnerMapping")]
)
def test_the_guide_s_resources_are_those_of_the_template(own: str, template: str) -> None:
    shown, expected = resources()[own], RESOURCES[template]
    assert shown["Type"] == expected["Type"]
    properties = {**DEFAULTS, **shown["Properties"]} if own == "ConsumerMapping" else shown["Properties"]
    assert properties.keys() == expected["Properties"].keys() - OF_THE_TEMPLATE
    for name in properties.keys() - {"EventSourceArn", "FunctionName"}:
        by_default = Stack("some-stack").value(expected["Properties"][name])
        assert Stack("some-stack").value(properties[name]) == by_default, name


def test_the_guide_lists_every_permission_of_the_template_s_consumer() -> None:
    section = DOCUMENT[DOCUMENT.index("### Permissions") : DOCUMENT.index("## With plain GetRecords")]
    policies = RESOURCES["AccountsByOwnerFunctionRole"]["Properties"]["Policies"]
    needed = {
        action
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        for service, action in re.findall(r"(\w+):(\w+)", str(statement["Action"]))
        if service in {"dynamodb", "kinesis", "s3"}
    }
    assert {"GetItem", "Query", "GetRecords", "PutObject"} <= needed
    assert needed <= set(re.findall(r"`(?:\w+:)?(\w+)`", section))


def modules() -> list[ModuleType]:
    return [
        importlib.import_module(found.name)
        for package in (account_events.consumer, account_events.avro, account_events.aggregation)
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]


def is_own(found: object) -> bool:
    return isinstance(found, type) and str(found.__module__).startswith("account_events.")


def test_every_error_is_explained() -> None:
    for module in (kit_errors, schema_errors):
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, Exception) and not name.startswith("_"):
                assert name in INTERNAL or f"`{name}`" in DOCUMENT, name
