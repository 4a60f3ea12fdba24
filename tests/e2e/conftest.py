"""Local stacks for the e2e tests."""

from collections.abc import Iterator

import pytest

from local_stack.local_deployment import LocalDeployment


@pytest.fixture(scope="session")
def deployment() -> Iterator[LocalDeployment]:
    with LocalDeployment() as deployment:
        yield deployment


@pytest.fixture(scope="session")
def jwt_deployment() -> Iterator[LocalDeployment]:
    """A shared local stack whose API accepts tokens."""
    with LocalDeployment(auth="JWT") as deployment:
        yield deployment


@pytest.fixture
def own_deployment() -> Iterator[LocalDeployment]:
    """A local stack for one test, for tests that break it."""
    with LocalDeployment() as deployment:
        yield deployment
