"""The whole house, standing for the length of the test run."""

from collections.abc import Iterator

import pytest

from local_stack.local_deployment import LocalDeployment


@pytest.fixture(scope="session")
def deployment() -> Iterator[LocalDeployment]:
    with LocalDeployment() as deployment:
        yield deployment


@pytest.fixture(scope="session")
def jwt_deployment() -> Iterator[LocalDeployment]:
    """One whose API takes tokens."""
    with LocalDeployment(auth="JWT") as deployment:
        yield deployment


@pytest.fixture
def own_deployment() -> Iterator[LocalDeployment]:
    """A house of the test's own, for tests that break it."""
    with LocalDeployment() as deployment:
        yield deployment
