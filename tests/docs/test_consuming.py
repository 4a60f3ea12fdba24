"""The examples in docs/consuming.md and the README work, and every error is explained."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

import account_events.aggregation
import account_events.avro
import account_events.consumer
from account_events.avro import errors as schema_errors
from account_events.consumer import errors as kit_errors
from tests.support.read_model import make_table
from tests.unit.aggregation.test_packing import as_lambda_sends
from tests.unit.consumer.given import encoded, events_of, records

ROOT = Path(__file__).parents[2]
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
INTERNAL = {"StaleRevision", "KitError", "ContractError", "InvalidEvent", "Undecodable"}
LINES_MAX = 20


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield


@pytest.mark.usefixtures("_aws")
def test_the_examples_of_the_document_work(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    dynamodb, kinesis = boto3.client("dynamodb"), boto3.client("kinesis")
    inbox = make_table(dynamodb, "AccountsByOwnerInbox")
    dynamodb.create_table(
        TableName="turnover",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "Currency", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Currency", "KeyType": "HASH"}],
    )
    kinesis.create_stream(StreamName="events", ShardCount=1)
    for _, data, _ in records(encoded("a", 7), encoded("a", 3), encoded("b", 2)):
        kinesis.put_record(StreamName="events", Data=data, PartitionKey="0")
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    names: dict[str, Any] = {}
    examples = PYTHON.findall((ROOT / "docs/consuming.md").read_text())
    for example in (each for each in examples if not each.startswith("# consumer.py")):  # a program: test_kcl_guide
        exec(compile(example.replace('"inbox"', f'"{inbox}"'), "consuming.md", "exec"), names)  # noqa: S102 -- our own
    assert names["balances"] == {"a": events_of("a", 7)[-1].balance, "b": events_of("b", 2)[-1].balance}
    assert names["owners"] == {"a": "owner-1", "b": "owner-1"}
    assert capsys.readouterr().out == "9 applied\n"
    lambdas = [as_lambda_sends(data, "0") for _, data, _ in records(encoded("a", 7), encoded("a", 3))]
    assert names["handler"]({"Records": lambdas}) == {"batchItemFailures": []}
    [turnover] = dynamodb.scan(TableName="turnover")["Items"]
    amounts = [event.amount for event in events_of("a", 7)[1:] if hasattr(event, "amount")]
    assert Decimal(turnover["Turnover"]["N"]) == sum(amounts)


def test_the_readme_s_example_works_and_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = PYTHON.findall((ROOT / "README.md").read_text())
    assert len(example.strip().splitlines()) <= LINES_MAX
    sent = [
        {"SequenceNumber": number, "Data": data}
        for number, data, _ in records(encoded("a", 3), encoded("a", 2), encoded("a", 4)[3:])
    ]
    exec(compile(example, "README.md", "exec"), {"records": sent})  # noqa: S102 -- our own
    assert capsys.readouterr().out.splitlines() == [
        "a was opened by owner-1",
        *[f"a has {event.balance} {event.currency}" for event in events_of("a", 4)[1:]],
    ]


def test_every_name_of_the_kit_is_imported_where_it_is_shown() -> None:
    """`account_events.consumer` has it, an example imports it, or the text names the errors' module."""
    document = (ROOT / "docs/consuming.md").read_text()
    imported = {
        alias.name: node.module
        for example in PYTHON.findall(document)
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {"Codec", "CONTRACT", "GlueRegistry"} <= imported.keys()
    errors = {name for module in (kit_errors, schema_errors) for name in vars(module)}
    assert all(f"`{module.__name__}`" in document for module in (kit_errors, schema_errors))
    own = {name for module in modules() for name, found in vars(module).items() if is_own(found)}
    text = re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL)
    shown = {name for code in re.findall(r"`([^`\n]+)`", text) for name in re.findall(r"(?<![\w.])[A-Z]\w+", code)}
    assert {"Codec", "Outcome"} <= shown & own
    assert not (shown & own) - vars(account_events.consumer).keys() - imported.keys() - errors


def test_every_dotted_name_in_the_text_is_there() -> None:
    dotted = re.findall(r"`(account_events\.[\w.]+)", (ROOT / "docs/consuming.md").read_text())
    assert "account_events.consumer.kcl.KclProcessor" in dotted
    for name in dotted:
        assert pkgutil.resolve_name(name), name


def modules() -> list[ModuleType]:
    return [
        importlib.import_module(found.name)
        for package in (account_events.consumer, account_events.avro, account_events.aggregation)
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]


def is_own(found: object) -> bool:
    return isinstance(found, type) and str(found.__module__).startswith("account_events.")


def test_every_error_is_explained() -> None:
    document = (ROOT / "docs/consuming.md").read_text()
    for module in (kit_errors, schema_errors):
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, Exception) and not name.startswith("_"):
                assert name in INTERNAL or f"`{name}`" in document, name
