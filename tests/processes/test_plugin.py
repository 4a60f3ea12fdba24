"""The pytest plugin in another project's tests."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import account_events.testing
from account_events.testing import _MODULE_OF
from local_stack.build import PACKAGES

ROOT = Path(__file__).parents[2]
CONFTEST = """
from account_events.testing import plugin

def pytest_configure(config):
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
"""
TESTS = """
import boto3

from account_events.testing import TableKey, TableStream

ITEMS = [{"Id": {"S": name}} for name in ("a", "b")]
STREAM = TableStream.of_images(ITEMS, TableKey("Id"))


def test_a_handler(replay_stream):
    seen = []

    def handler(event, context):
        seen.extend(record["dynamodb"]["NewImage"] for record in event["Records"])

    replay_stream(STREAM, handler, batch_sizes=1).assert_all_acknowledged()
    assert seen == ITEMS


def test_a_handler_that_does_nothing(replay_stream):
    replay_stream(STREAM, lambda event, context: None).assert_handled([])


def test_a_client(attach_kinesis, memory_kinesis):
    client = boto3.client("kinesis", "eu-central-1")
    attach_kinesis(client)
    client.put_record(StreamName="s", Data=b"1", PartitionKey="k")
    assert memory_kinesis.data() == [b"1"]
"""


def test_the_plugins_fixtures_work_and_failures_are_readable(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: never handled: *"])


def test_pytest_lists_the_plugins_fixtures_with_descriptions(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    result = pytester.runpytest_inprocess("--fixtures", "-p", "no:cacheprovider")
    for name in ("memory_kinesis", "attach_kinesis", "replay_stream"):
        result.stdout.fnmatch_lines([f"{name} -- *plugin.py:*"])


@pytest.mark.parametrize(
    ("used", "heavy"),
    [
        ("import account_events.testing.plugin", {"boto3", "botocore", "fastavro", "google.protobuf", "moto"}),
        ("from account_events.testing import replay, TableStream, from_export", {"boto3", "botocore", "moto"}),
        ("from account_events.testing import history, published, not_an_event", {"boto3", "botocore", "moto"}),
    ],
)
def test_only_what_is_used_is_imported(used: str, heavy: set[str]) -> None:
    """Where the package is installed, every pytest run loads the plugin."""
    script = f"import sys\n{used}\nprint(*{heavy} & {{*sys.modules}})"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 -- our own
    assert result.stdout == "\n"


def test_every_public_name_is_in_the_module_listed_for_it() -> None:
    for name in account_events.testing.__all__:
        assert getattr(account_events.testing, name).__module__ == f"account_events.testing.{_MODULE_OF[name]}"
    modules = {path.stem for path in (ROOT / "account_events/testing").glob("*.py")}
    assert not modules & {*account_events.testing.__all__}, "a module would hide the public name"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        account_events.testing.nothing  # noqa: B018 -- the access alone raises


def test_no_function_s_package_contains_the_testing_package() -> None:
    sources = [pattern for package in PACKAGES.values() for pattern in package.sources]
    shipped = {path for pattern in sources for path in ROOT.glob(pattern)}
    assert shipped
    assert not {path for path in shipped if path.is_relative_to(ROOT / "account_events/testing")}
    for path in shipped:
        imports = re.search(
            r"^\s*(from|import) account_events\.testing\b", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert path.suffix != ".py" or imports is None, path
