"""From which day on published events are read for a restored table."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest

from ops.cli.restore import first_day

BACKED_UP = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("described", "first"),
    [
        ({"RestoreSummary": {"RestoreDateTime": BACKED_UP}}, datetime(2026, 11, 19, 3, 30, tzinfo=UTC)),
        (
            {"RestoreSummary": {"RestoreDateTime": datetime(2025, 1, 1, 3, tzinfo=UTC)}},
            datetime(2025, 1, 1, tzinfo=UTC),
        ),
        ({}, datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_events_are_read_from_the_day_before_the_backup(described: dict[str, Any], first: datetime) -> None:
    deployment = Mock(outputs={"LakeFirstDay": "2025-01-01"})
    assert first_day(deployment, Mock(describe=lambda: described)) == first
