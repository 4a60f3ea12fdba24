"""Local stacks for the e2e tests.

A shared stack stops when its process goes on with other tests. They forbid sockets, which its threads would report for
every poll.
"""

from collections.abc import Iterator

import pytest

from local_stack.local_deployment import LocalDeployment


@pytest.fixture(scope="package")
def deployment() -> Iterator[LocalDeployment]:
    with LocalDeployment() as deployment:
        yield deployment


@pytest.fixture(scope="package")
def jwt_deployment() -> Iterator[LocalDeployment]:
    """A shared local stack whose API accepts tokens."""
    with LocalDeployment(auth="JWT") as deployment:
        yield deployment


@pytest.fixture
def own_deployment() -> Iterator[LocalDeployment]:
    """A local stack for one test, for tests that break it."""
    with LocalDeployment() as deployment:
        yield deployment
