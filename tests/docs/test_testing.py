"""docs/testing.md: its examples run as the test files they are, and it explains every public name of the package.

tests/processes/test_wheel.py runs the same examples where only the wheel is installed.
"""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

import account_events.testing
from account_events.testing import Fault, Replayed, Settings, TableKey, TableStream, from_recording, plugin, published
from account_events.testing.mapping import Options
from account_events.testing.publishing import EventStream
from tests.support.consuming_guide import AWS
from tests.support.testing_guide import (
    BALANCES,
    CAPTURED,
    DOCUMENT,
    EXPORT,
    FIRST,
    ITEMS,
    LATER,
    PASSED,
    RECORDING,
    VARIANTS,
    WRITES,
    capture,
    export,
)

CONFTEST = """
from account_events.testing import plugin

def pytest_configure(config):
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
"""


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # one example sets both; this undoes it for the others
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(example: pytest.Pytester, text: str, name: str) -> None:
    example.makepyfile(test_example=text)
    example.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=PASSED[name])


def test_the_first_test_of_a_consumer_passes(example: pytest.Pytester) -> None:
    example.makepyfile(balances=BALANCES)
    run(example, FIRST, "first")


def test_the_tests_with_variants_of_the_stream_pass(example: pytest.Pytester) -> None:
    run(example, VARIANTS, "variants")


def test_the_tests_of_a_handler_that_returns_its_writes_pass(example: pytest.Pytester) -> None:
    run(example, WRITES, "writes")


def test_the_tests_with_events_of_a_later_release_pass(example: pytest.Pytester) -> None:
    run(example, LATER, "later")


def test_the_test_with_crashes_and_duplicates_passes(example: pytest.Pytester) -> None:
    run(example, ITEMS, "items")


def test_the_test_with_a_captured_event_passes(example: pytest.Pytester) -> None:
    capture(example.path)
    run(example, CAPTURED, "captured")


def test_the_test_with_an_export_passes(example: pytest.Pytester) -> None:
    export(example.path)
    run(example, EXPORT, "export")


def test_the_recording_example_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "Customer", "AttributeType": "S"},
                {"AttributeName": "Placed", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "Customer", "KeyType": "HASH"},
                {"AttributeName": "Placed", "KeyType": "RANGE"},
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        item = {"Customer": {"S": "ida"}, "Placed": {"N": "1"}}
        client.put_item(TableName="orders", Item=item)
        exec(compile(RECORDING, "testing.md", "exec"), {})  # noqa: S102 -- the guide's example
    assert from_recording("stream.json", TableKey("Customer", "Placed")).images() == [item]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            *(set(account_events.testing.__all__) - {"Delivery", "NotOnStream", "RecordStream", "TestingError"}),
            *Options.__annotations__,
            *(field.name for kind in (Settings, Fault) for field in fields(kind)),
            *public(Replayed),
            *(public(EventStream) - public(TableStream)),
            *inspect.signature(published).parameters,
            *(name for name, each in vars(plugin).items() if type(each).__name__ == "FixtureFunctionDefinition"),
        }
    ),
)
def test_the_guide_explains_every_public_name(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCUMENT)
