from collections.abc import Iterator

import pytest

from tests.spark.environment import SparkWorker


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkWorker]:
    """One Spark session for all tests."""
    with SparkWorker() as worker:
        yield worker
