"""The stores that the suites test: in memory, on moto, on the emulator, and on AWS's own DynamoDB Local."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from account_core.service.ports import AccountStore
from account_core.store.dynamodb_store import DynamoDBAccountStore
from account_core.store.memory_store import MemoryAccountStore
from local_stack.dynamodb_local import DynamoDBLocalMissing, dynamodb_local
from local_stack.emulator import Emulator, loopback_config, reserved_port
from local_stack.local_tables import make_table, session


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    with Emulator() as emulator:
        yield emulator.endpoint_url


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Iterator[str]:
    try:
        with dynamodb_local() as url:
            yield url
    except DynamoDBLocalMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def nowhere_url() -> Iterator[str]:
    """An address at which no server listens."""
    with reserved_port() as port:
        yield f"http://127.0.0.1:{port}"


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
        pytest.skip("moto's threads race with each other, so it cannot test concurrency")
    return store
