"""Tables and the event stream: stream, protection against loss, retention."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import found
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

TABLE_MISSING = Kind("table-missing", "Everything that uses it fails.", "table-missing")
STREAM_OFF = Kind(
    "table-stream-off", "New rows never reach the projector, so no events are published.", "table-stream-off"
)
RECOVERY_OFF = Kind("recovery-off", "Rows that are damaged or deleted from now on cannot be restored.", "recovery-off")
PROTECTION_OFF = Kind("protection-off", "One wrong request can delete the table.", "protection-off")
EVENT_STREAM_MISSING = Kind("event-stream-missing", "No events are published.", "event-stream-missing")
RETENTION_SHORT = Kind(
    "retention-short", "A consumer that is stopped for longer than that loses events.", "retention-short"
)


def check(view: StackView) -> Iterator[Finding]:
    """Checks each table of the template, and the event stream."""
    client = view.client("dynamodb")
    for name in view.of_type("AWS::DynamoDB::Table"):
        table = view.physical_ids[name]
        described = found(partial(client.describe_table, TableName=table))
        if described is None:
            what = f"The table {table} does not exist."
            yield TABLE_MISSING.without_repair(name, what, f"aws dynamodb list-backups --table-name {table}")
            continue
        backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        yield from _table(name, table, view.properties(name), described["Table"], backups)
    yield from _events(view)


def _table(
    name: str, table: str, expected: Mapping[str, Any], deployed: Mapping[str, Any], backups: Mapping[str, Any]
) -> Iterator[Finding]:
    update = f"aws dynamodb update-table --table-name {table}"
    if view_type := expected.get("StreamSpecification", {}).get("StreamViewType"):
        stream = deployed.get("StreamSpecification", {})
        if not stream.get("StreamEnabled") or stream.get("StreamViewType") != view_type:
            repair = f"{update} --stream-specification StreamEnabled=true,StreamViewType={view_type}"
            yield STREAM_OFF.at(name, f"The stream of {name} is not enabled with {view_type}.", repair)
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if "PointInTimeRecoverySpecification" in expected and recovery != "ENABLED":
        repair = f"aws dynamodb update-continuous-backups --table-name {table}"
        repair += " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        yield RECOVERY_OFF.at(name, f"Point-in-time recovery of {name} is off.", repair)
    if expected.get("DeletionProtectionEnabled") and not deployed.get("DeletionProtectionEnabled"):
        repair = f"{update} --deletion-protection-enabled"
        yield PROTECTION_OFF.at(name, f"Deletion protection of {name} is off.", repair)


def _events(view: StackView) -> Iterator[Finding]:
    for name in view.of_type("AWS::Kinesis::Stream"):
        yield from _event_stream(view, name)


def _event_stream(view: StackView, name: str) -> Iterator[Finding]:
    stream, client = view.physical_ids[name], view.client("kinesis")
    described = found(partial(client.describe_stream_summary, StreamName=stream))
    if described is None:
        repair = f"aws kinesis create-stream --stream-name {stream} --stream-mode-details StreamMode=ON_DEMAND"
        yield EVENT_STREAM_MISSING.at(name, f"The event stream {stream} does not exist.", repair)
        return
    hours = described["StreamDescriptionSummary"]["RetentionPeriodHours"]
    expected = int(view.properties(name)["RetentionPeriodHours"])
    if hours < expected:
        repair = f"aws kinesis increase-stream-retention-period --stream-name {stream}"
        repair += f" --retention-period-hours {expected}"
        what = f"The event stream keeps events for {hours} hours; in the template, it is {expected} hours."
        yield RETENTION_SHORT.at(name, what, repair)
