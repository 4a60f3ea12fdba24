"""Rules about imports that the contracts in pyproject.toml cannot express.

import-linter sees no folder without `__init__.py`, such as tests, and forbids packages only by name.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("account_events", "account_core", "projector", "consumers", "local_stack", "ops", "tools")
EXTERNAL = {
    "account_events": {"fastavro", "google"},  # google.protobuf
    "account_events/consumer": {"botocore", "mypy_boto3_dynamodb", "mypy_boto3_kinesis"},
    "account_events/streams": {"botocore", "mypy_boto3_dynamodbstreams", "mypy_boto3_kinesis"},
    "account_events/testing": {"botocore", "mypy_boto3_dynamodbstreams", "pytest"},
}
"""What each folder of the public package may import, in addition to Python and what its parent may import.

The dependencies and the extras of the wheel, and the type stubs, which are imported for type checks only.
"""


def imported(source: str) -> set[str]:
    """The top-level names of the packages that a module imports anywhere, in functions too; "" is a relative import."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("" if node.level else (node.module or "").partition(".")[0])
    return names


def modules(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        *((package, {"tests", "benchmarks"}) for package in PACKAGES),
        ("benchmarks", {"tests"}),
        ("tests", {"benchmarks"}),
    ],
)
def test_nothing_else_imports_tests_or_benchmarks(folder: str, forbidden: set[str]) -> None:
    assert {name: found for name, source in modules(folder) if (found := imported(source) & forbidden)} == {}


def not_allowed(name: str, source: str) -> set[str]:
    allowed = {"account_events"} | sys.stdlib_module_names
    for folder, external in EXTERNAL.items():
        if name.startswith(f"{folder}/"):
            allowed |= external
    return imported(source) - allowed


def test_the_public_package_imports_its_dependencies_only() -> None:
    assert {name: found for name, source in modules("account_events") if (found := not_allowed(name, source))} == {}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("account_events/avro/x.py", "import pytest"),
        ("account_events/avro/x.py", "from botocore.exceptions import ClientError"),
        ("account_events/consumer/x.py", "def f():\n    import typer.main"),
        ("account_events/testing/x.py", "import requests"),
        ("account_events/x.py", "from . import avro"),
    ],
)
def test_an_import_that_is_not_allowed_is_found(name: str, source: str) -> None:
    assert not_allowed(name, source)
    assert not_allowed(name, "import json, account_events.avro, fastavro") == set()
