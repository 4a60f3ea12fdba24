"""docs/testing.md: its examples are run as the test files they are, and nothing that the package offers is left out."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

import account_events.testing
from account_events.testing import Fault, MemoryKinesis, Replayed, Settings, TableStream, plugin, refuse_every
from account_events.testing.mapping import Options
from tests.support.replay import replay
from tests.unit.testing.handlers import sends_again_only_what_was_refused
from tests.unit.testing.streams import bank

DOCUMENT = (Path(__file__).parents[2] / "docs/testing.md").read_text()
COMMANDS, CAPTURED, EXPORT = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
CONFTEST = """
from account_events.testing import plugin

def pytest_configure(config):
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
"""


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # the second sets it, too: undone for the others
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(example: pytest.Pytester, text: str, passed: int) -> None:
    example.makepyfile(test_example=text)
    example.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=passed)


def stream() -> TableStream:
    return bank("abc", 12)


def test_given_commands(example: pytest.Pytester) -> None:
    run(example, COMMANDS, passed=2)


def test_a_captured_event(example: pytest.Pytester) -> None:
    (example.path / "captured.json").write_text(json.dumps({"Records": stream().records}))
    run(example, CAPTURED, passed=2)


def test_an_export(example: pytest.Pytester) -> None:
    data = example.path / "export/data"
    data.mkdir(parents=True)
    items = [json.dumps({"Item": image}) for image in stream().images()]
    (data / "a.json.gz").write_bytes(content := gzip.compress("\n".join(items).encode()))
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    entry = {"itemCount": len(items), "md5Checksum": checksum, "dataFileS3Key": "AWSDynamoDB/1-2/data/a.json.gz"}
    (data.parent / "manifest-files.json").write_text(json.dumps(entry))
    run(example, EXPORT, passed=1)


@pytest.mark.parametrize(
    "name",
    [
        *sorted({*account_events.testing.__all__} - {"Delivery", "Died", "NotOnStream", "Replayed", "TestingError"}),
        *Options.__annotations__,
        *(field.name for kind in (Settings, Fault) for field in fields(kind)),
        *(name for name in dir(Replayed) if not name.startswith("_") and name not in {"expected", "kinesis", "stream"}),
        *(name for name, each in vars(plugin).items() if type(each).__name__ == "FixtureFunctionDefinition"),
    ],
)
def test_all_that_there_is_is_explained(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCUMENT)


def test_the_failure_that_the_document_quotes_is_the_one_that_comes() -> None:
    kinesis = MemoryKinesis(refuse_every(2))
    done = replay(bank(["alma"], 12), sends_again_only_what_was_refused(kinesis), kinesis=kinesis)
    with pytest.raises(AssertionError, match="alma: 3 came before 2"):
        done.assert_in_order()
