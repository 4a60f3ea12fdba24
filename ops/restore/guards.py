"""Refuses to write to a table that is in use, or to compare a table with itself."""

from typing import Any

from ops.restore.errors import RestoreRefused
from ops.restore.table import LedgerTable


def require_copy(copy: LedgerTable, live: LedgerTable) -> None:
    """Checks that a table is a restored copy of the live table, which nobody uses, and not the live table itself.

    Raises:
        RestoreRefused: it is not.
    """
    described = copy.describe()
    if described["TableName"] == live.name:
        raise RestoreRefused(f"{live.name} is the stack's own table: give the table that you restored from a backup.")
    if _has_stream(described):
        raise RestoreRefused(
            f"The table {copy.name} has a stream, so it is in use: give the table that you restored from a backup."
        )
    origin, expected = described.get("RestoreSummary", {}).get("SourceTableArn"), live.describe()["TableArn"]
    if origin not in (None, expected):
        raise RestoreRefused(f"The table {copy.name} was restored from {origin}, and not from {expected}.")


def require_unused(table: LedgerTable, functions: Any, function: str, mapping: str | None) -> None:  # noqa: ANN401 -- a boto3 client
    """Checks that the stack's table was just restored, and that nothing writes to it or publishes from it.

    Args:
        table: the table.
        functions: a Lambda client.
        function: the name of the API's function.
        mapping: the id of the projector's event source mapping; None if its state is unknown, as in the emulator.

    Raises:
        RestoreRefused: it is in use. The message names what to do first.
    """
    described = table.describe()
    if _has_stream(described) or described.get("DeletionProtectionEnabled"):
        sign = "has a stream" if _has_stream(described) else "is protected against deletion"
        raise RestoreRefused(
            f"The table {table.name} {sign}, so it is in use. Published events are put back only into a restored "
            "table, before its stream is enabled. For a table in use, there is `account-events restore rows`."
        )
    concurrency = functions.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
    if concurrency != 0:
        raise RestoreRefused(
            "The API accepts commands, which would take the versions of the missing events. Stop it: aws lambda "
            f"put-function-concurrency --function-name {function} --reserved-concurrent-executions 0"
        )
    if mapping is not None and functions.get_event_source_mapping(UUID=mapping)["State"] != "Disabled":
        raise RestoreRefused(
            "The projector may still publish events of the lost table. Wait until it has published them, then stop "
            f"it: aws lambda update-event-source-mapping --uuid {mapping} --no-enabled"
        )


def _has_stream(described: Any) -> bool:  # noqa: ANN401 -- DescribeTable's
    return bool(described.get("StreamSpecification", {}).get("StreamEnabled"))
