"""The two stores that count capacity units as AWS bills them."""

from collections.abc import Iterator

import pytest

from local_stack.dynamodb_local import DynamoDBLocalMissing, dynamodb_local
from local_stack.emulator import Emulator


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
