"""Settings of the consumers' functions: each value has one valid format, and an error names the setting."""

from typing import Any

import pytest

from consumers.lake import settings as lake
from consumers.owners import settings as owners

LAKE = {"LAKE_BUCKET_NAME": "lake", "FIRST_DAY": "2026-01-31", "STACK_NAME": "account-events"}
OWNERS = {"TABLE_NAME": "t", "INBOX_TABLE_NAME": "i", "GAP_WAIT_S": "300", "STACK_NAME": "account-events"}


def test_valid_settings_are_read() -> None:
    assert lake.Settings.read(LAKE).first_day == "2026-01-31"
    assert owners.Settings.read(OWNERS).gap_wait_s == 300.0


@pytest.mark.parametrize("day", ["20260131", "2026-W05-6", "2026-1-31", "2026-02-30", ""])
def test_a_first_day_in_another_format_is_refused(day: str) -> None:
    """The first day is compared with the days of events as text."""
    with pytest.raises(LookupError, match="FIRST_DAY must be a day"):
        lake.Settings.read({**LAKE, "FIRST_DAY": day})


@pytest.mark.parametrize("wait", ["-1", "1.5", " 10", "1_0", "\u0661", ""])
def test_a_gap_wait_that_is_not_a_whole_number_is_refused(wait: str) -> None:
    with pytest.raises(LookupError, match="GAP_WAIT_S must be"):
        owners.Settings.read({**OWNERS, "GAP_WAIT_S": wait})


@pytest.mark.parametrize("missing", [*LAKE])
def test_a_missing_setting_of_the_lake_is_named(missing: str) -> None:
    with pytest.raises(LookupError, match=missing):
        lake.Settings.read({name: value for name, value in LAKE.items() if name != missing})


@pytest.mark.parametrize("missing", [*OWNERS])
def test_a_missing_setting_of_the_accounts_by_owner_is_named(missing: str) -> None:
    with pytest.raises(LookupError, match=missing):
        owners.Settings.read({name: value for name, value in OWNERS.items() if name != missing})


def test_the_read_models_client_has_a_connection_for_each_thread() -> None:
    """Otherwise urllib3 would open and close a connection for each call beyond its pool."""
    assert owners.CLIENTS.max_pool_connections >= owners.THREADS  # type: ignore[attr-defined]  # botocore's, not typed


def test_a_query_of_the_gaps_ends_before_the_functions_timeout() -> None:
    """It may begin when the reserve begins. The SDK waits up to a second before the second attempt, and doubles it."""
    config: Any = owners.CLIENTS
    attempts = config.retries["total_max_attempts"]
    assert (config.connect_timeout + config.read_timeout) * attempts + 2 ** (attempts - 1) < owners.RESERVE_S
