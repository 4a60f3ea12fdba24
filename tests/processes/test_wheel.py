"""The wheel in another team's project: installed alone, with its extras, and under every supported Python."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

import account_events
from local_stack.interpreters import find_interpreter
from tests.support import consuming_guide, testing_guide
from tests.support.consuming_resources import inbox_request
from tests.support.installed import Environment, build_wheel

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNNING = "{}.{}".format(*sys.version_info)
VERSIONS = sorted({RUNNING, *re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))})
LOCKED = ("--constraint", str(ROOT / "requirements/dev.txt"))
CONSUMING = ROOT / "docs/consuming.md"
INBOX = json.dumps(inbox_request())
OTHER_FOLDERS = ("account_core", "consumers", "local_stack", "ops", "projector", "schemas", "tests")
SERVICE = """
import sys
from importlib import import_module
from pathlib import Path

import account_events
from account_events.consumer import Consumer, Inbox, KinesisRecord, MemoryInbox

assert Path(account_events.__file__).is_relative_to(sys.prefix), account_events.__file__
seen = []
inbox = Inbox(MemoryInbox(), lambda events: seen.extend(type(event).__name__ for event in events))
outcome = Consumer(inbox).receive([KinesisRecord("1", bytes.fromhex(sys.argv[1]))], 0.0)
assert not outcome.failures, outcome
assert {"fastavro", "google.protobuf"} <= set(sys.modules)
assert not {"boto3", "botocore", "pytest"} & set(sys.modules)
for name in sys.argv[2:]:
    assert Path(import_module(name).__file__).parents[1] == Path.cwd(), name
print(*seen)
"""
PLUGIN = """
import sys

HEAVY = {"boto3", "botocore", "fastavro", "google.protobuf"}


def test_pytest_finds_the_plugin_and_it_imports_nothing_heavy(request):
    assert request.config.pluginmanager.has_plugin("account_events")
    assert not HEAVY & set(sys.modules)


def test_its_fixtures_work(memory_kinesis):
    assert memory_kinesis.data() == []
"""
WITHOUT_EXTRAS = """
from importlib import import_module

for module, name, extra in (
    ("account_events.consumer.dynamodb_inbox", "DynamoDBInbox", "dynamodb"),
    ("account_events.consumer.dynamodb_item_inbox", "DynamoDBItemInbox", "dynamodb"),
    ("account_events.consumer.glue_registry", "GlueRegistry", "glue"),
    ("account_events.testing", "MemoryKinesis", "testing"),
):
    try:
        getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        message = str(error)
    else:
        raise AssertionError(f"{module}.{name} works without the extra {extra}")
    assert message == f"No module named 'botocore'. Install the extra: account-events[{extra}]", message
"""
TYPED = """
from collections.abc import Sequence

from account_events.consumer import Consumer, Event, Inbox, MemoryInbox


def handle(events: Sequence[Event]) -> None:
    reveal_type(events[0].occurred_at)


consumer = Consumer(Inbox(MemoryInbox(), handle))
applied: str = consumer.receive([], 0.0).applied
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def installed(tmp_path: Path, wheel: Path, version: str, guide: Path, *others: str) -> Environment:
    """An environment with the extras of the guide's last `pip install`, from the wheel's file instead of an index."""
    commands = re.findall(r"^pip install '?account-events(\[[\w,]+\])?", guide.read_text(), re.MULTILINE)
    return with_requirements(tmp_path, version, f"{wheel}{commands[-1]}", *others)


def with_requirements(tmp_path: Path, version: str, *requirements: str) -> Environment:
    found = find_interpreter(version)
    if found is None:
        pytest.skip(f"this machine has no Python {version}")
    environment = Environment.create(tmp_path / "environment", found)
    environment.install(*requirements, options=LOCKED)
    return environment


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def test_the_wheel_contains_only_one_package_and_its_schemas(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licence = archive.read(f"account_events-{account_events.__version__}.dist-info/licenses/LICENSE")
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "account_events").rglob("*.py")}
    schemas = {f"account_events/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "schemas").rglob("*.*")}
    assert names == {*code, *schemas, "account_events/py.typed"}
    assert {"account_events/schemas/fingerprints.json", "account_events/schemas/history/AccountCreated/1.avsc"} <= names
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_the_metadata_lists_the_requirements_and_the_guide(wheel: Path) -> None:
    found = metadata(wheel)
    assert (found["Name"], found["Version"]) == ("account-events", account_events.__version__)
    assert (found["Requires-Python"], found["License-Expression"]) == (">=3.11", "MIT")
    required: dict[str, set[str]] = {"": set(), **{extra: set() for extra in found.get_all("Provides-Extra", [])}}
    for each in found.get_all("Requires-Dist", []):
        requirement, _, extra = each.partition("; extra == ")
        required[extra.strip("'")].add(re.split("[<>=]", requirement)[0])
    client = {"boto3"}
    core = {"fastavro", "protobuf"}
    assert required == {"": core, "dynamodb": client, "glue": client, "testing": {*client, "pytest"}}
    assert found.get_payload() == CONSUMING.read_text()
    assert f"pip install './{wheel.name}[" in CONSUMING.read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_service_with_folders_of_the_same_names_can_use_the_wheel(tmp_path: Path, wheel: Path, version: str) -> None:
    """Without extras, the wheel needs neither boto3 nor pytest, and installs no other top-level name."""
    environment = with_requirements(tmp_path, version, str(wheel))
    environment.check()
    for name in OTHER_FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "service.py").write_text(SERVICE)
    data = "".join((ROOT / "tests/golden/avro/AccountCreated.2.hex").read_text().split())
    assert environment.run("service.py", data, *OTHER_FOLDERS, cwd=tmp_path) == "AccountCreated\n"
    (tmp_path / "extras.py").write_text(WITHOUT_EXTRAS)
    environment.run("extras.py", cwd=tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_examples_of_the_consuming_guide_work(tmp_path: Path, wheel: Path, version: str) -> None:
    environment = installed(tmp_path, wheel, version, CONSUMING, "moto[dynamodb,kinesis]")
    environment.check()
    run_the_consuming_guide(environment, tmp_path)


def run_the_consuming_guide(environment: Environment, tmp_path: Path) -> None:
    """Run a copy, because Python puts the script's folder, and so the modules next to it, on its path."""
    shutil.copyfile(consuming_guide.__file__, tmp_path / "script.py")
    environment.run("script.py", str(CONSUMING), INBOX, cwd=tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_examples_of_the_testing_guide_work(tmp_path: Path, wheel: Path, version: str) -> None:
    environment = installed(tmp_path, wheel, version, ROOT / "docs/testing.md")
    environment.check()
    run_the_testing_guide(environment, tmp_path)


def run_the_testing_guide(environment: Environment, tmp_path: Path) -> None:
    (examples := tmp_path / "examples").mkdir()
    testing_guide.write(examples)
    (examples / "test_plugin.py").write_text(PLUGIN)
    pytest_ = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "2 passed" in environment.run(*pytest_, "test_plugin.py", cwd=examples)
    (examples / "test_plugin.py").unlink()
    assert f"{sum(testing_guide.PASSED.values())} passed" in environment.run(*pytest_, cwd=examples)


def test_the_lowest_allowed_versions_of_the_requirements_work(tmp_path: Path, wheel: Path) -> None:
    """On the lowest Python, because old releases have no wheels for newer Pythons."""
    found = find_interpreter(VERSIONS[0])
    if found is None:
        pytest.skip(f"this machine has no Python {VERSIONS[0]}")
    environment = Environment.create(tmp_path / "environment", found)
    direct = {each.partition(";")[0] for each in metadata(wheel).get_all("Requires-Dist", [])}
    others = ("moto[dynamodb,kinesis]>=5.2",)
    environment.install(f"{wheel}[dynamodb,glue,testing]", *direct, *others, options=("--resolution", "lowest-direct"))
    run_the_testing_guide(environment, tmp_path)
    run_the_consuming_guide(environment, tmp_path)


def test_a_type_checker_sees_the_types_of_the_package(tmp_path: Path, wheel: Path) -> None:
    environment = with_requirements(tmp_path, RUNNING, str(wheel))
    (tmp_path / "typed.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--python-executable", environment.python]
    done = subprocess.run([*command, "typed.py"], check=False, capture_output=True, text=True, cwd=tmp_path)  # noqa: S603 -- mypy
    wrong = 'Incompatible types in assignment (expression has type "int", variable has type "str")  [assignment]'
    assert done.stdout.splitlines() == [
        'typed.py:8: note: Revealed type is "datetime.datetime"',
        f"typed.py:12: error: {wrong}",
        "Found 1 error in 1 file (checked 1 source file)",
    ], done.stderr
