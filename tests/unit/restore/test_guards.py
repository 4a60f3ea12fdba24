"""Which tables the commands refuse to write to, on AWS."""

from typing import Any
from unittest.mock import Mock

import pytest

from ops.restore.errors import RestoreRefused
from ops.restore.guards import require_unused
from ops.restore.table import LedgerTable

RESTORED = {
    "TableName": "accounts",
    "TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "AccountId", "KeyType": "HASH"}, {"AttributeName": "Version", "KeyType": "RANGE"}],
}


def guard(described: dict[str, Any], concurrency: int | None, mapping_state: str) -> None:
    table = LedgerTable(Mock(describe_table=lambda **_: {"Table": RESTORED | described}), "accounts")
    answer = {} if concurrency is None else {"ReservedConcurrentExecutions": concurrency}
    functions = Mock(
        get_function_concurrency=lambda **_: answer, get_event_source_mapping=lambda **_: {"State": mapping_state}
    )
    require_unused(table, functions, "api", "mapping-1")


def test_a_restored_table_of_a_stopped_stack_is_accepted() -> None:
    guard({"StreamSpecification": {"StreamEnabled": False}, "DeletionProtectionEnabled": False}, 0, "Disabled")


@pytest.mark.parametrize(
    ("described", "concurrency", "mapping_state", "refusal"),
    [
        ({"StreamSpecification": {"StreamEnabled": True}}, 0, "Disabled", "has a stream, so it is in use"),
        ({"DeletionProtectionEnabled": True}, 0, "Disabled", "is protected against deletion, so it is in use"),
        ({"TableStatus": "CREATING"}, 0, "Disabled", "is CREATING: wait until it is ACTIVE"),
        ({"KeySchema": RESTORED["KeySchema"][:1]}, 0, "Disabled", "is not an accounts table"),
        ({}, None, "Disabled", "aws lambda put-function-concurrency --function-name api"),
        ({}, 5, "Disabled", "The API accepts commands"),
        ({}, 0, "Enabled", "aws lambda update-event-source-mapping --uuid mapping-1 --no-enabled"),
        ({}, 0, "Disabling", "The projector may still publish"),
    ],
)
def test_a_table_that_may_be_in_use_is_refused(
    described: dict[str, Any], concurrency: int | None, mapping_state: str, refusal: str
) -> None:
    with pytest.raises(RestoreRefused) as raised:
        guard(described, concurrency, mapping_state)
    assert refusal in str(raised.value)
