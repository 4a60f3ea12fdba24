"""The whole house, standing for the length of the test run."""

from collections.abc import Iterator

import pytest

from local_stack.local_deployment import House


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with House() as house:
        yield house


@pytest.fixture(scope="session")
def jwt_house() -> Iterator[House]:
    """One whose API takes tokens."""
    with House(auth="JWT") as house:
        yield house


@pytest.fixture
def own_house() -> Iterator[House]:
    """A house of the test's own, for tests that break it."""
    with House() as house:
        yield house
