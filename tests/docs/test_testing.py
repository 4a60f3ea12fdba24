"""docs/testing.md: its examples are run as the test files they are, and nothing that the package offers is left out."""

import base64
import gzip
import hashlib
import inspect
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

import account_events.testing
from account_events.testing import Fault, Replayed, Settings, TableKey, TableStream, plugin, published
from account_events.testing.mapping import Options
from account_events.testing.publishing import EventStream

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/testing.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
BALANCES, FIRST, VARIANTS, LATER, ITEMS, CAPTURED, EXPORT = EXAMPLES
OFFERED = ("account_events",)
"""What an example may import of this repository."""
REFUSE = """
import sys
from pathlib import Path

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if "." not in name and name not in OFFERED and (Path(HERE) / name).is_dir():
            raise ImportError(f"an example wants {name}")

sys.meta_path.insert(0, Refuse())
"""
CONFTEST = """
from account_events.testing import plugin

def pytest_configure(config):
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
"""


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # one example sets both: undone for the others
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(example: pytest.Pytester, text: str, passed: int) -> None:
    example.makepyfile(test_example=text)
    example.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=passed)


def orders() -> TableStream:
    items = [
        {"Customer": {"S": customer}, "Placed": {"N": str(placed)}, "Total": {"N": "5"}}
        for placed in range(1, 13)
        for customer in ("ida", "jo", "kim")
    ]
    return TableStream.of_images(items, TableKey("Customer", "Placed"))


def test_a_first_test_of_a_consumer(example: pytest.Pytester) -> None:
    example.makepyfile(balances=BALANCES)
    run(example, FIRST, passed=1)


def test_what_the_stream_may_do(example: pytest.Pytester) -> None:
    run(example, VARIANTS, passed=12)


def test_a_later_release(example: pytest.Pytester) -> None:
    run(example, LATER, passed=4)


def test_items_with_crashes_and_duplicates(example: pytest.Pytester) -> None:
    run(example, ITEMS, passed=1)


def capture(folder: Path) -> None:
    (folder / "captured.json").write_text(json.dumps({"Records": orders().records}))


def export(folder: Path) -> None:
    data = folder / "export/data"
    data.mkdir(parents=True)
    items = [json.dumps({"Item": image}) for image in orders().images()]
    (data / "a.json.gz").write_bytes(content := gzip.compress("\n".join(items).encode()))
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    entry = {"itemCount": len(items), "md5Checksum": checksum, "dataFileS3Key": "AWSDynamoDB/1-2/data/a.json.gz"}
    (data.parent / "manifest-files.json").write_text(json.dumps(entry))


def test_a_captured_event(example: pytest.Pytester) -> None:
    capture(example.path)
    run(example, CAPTURED, passed=1)


def test_an_export(example: pytest.Pytester) -> None:
    export(example.path)
    run(example, EXPORT, passed=1)


def test_the_examples_need_nothing_but_the_package_and_a_client(example: pytest.Pytester) -> None:
    """In a process where whatever else this repository holds cannot be imported."""
    example.makeconftest(f"OFFERED = {OFFERED!r}\nHERE = {str(ROOT)!r}\n{REFUSE}{CONFTEST}")
    example.makepyfile(balances=BALANCES, test_first=FIRST, test_variants=VARIANTS, test_later=LATER, test_items=ITEMS)
    example.makepyfile(test_captured=CAPTURED, test_export=EXPORT)
    capture(example.path)
    export(example.path)
    example.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=20)


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
def test_all_that_there_is_is_explained(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCUMENT)
