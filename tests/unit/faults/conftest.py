"""A switch for each test."""

import pytest

from tests.unit.faults.given import Given


@pytest.fixture
def given() -> Given:
    return Given()
