"""Tables and the event stream: stream, keys, protection against loss, retention."""

from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

LEDGER = "AccountsTable"


def check(view: StackView) -> Iterator[Finding]:
    """Checks each table of the template, and the event stream."""
    client = view.client("dynamodb")
    for name in view.of_type("AWS::DynamoDB::Table"):
        table = view.physical_ids[name]
        try:
            described = client.describe_table(TableName=table)["Table"]
        except client.exceptions.ResourceNotFoundException:
            yield Finding(
                *("table-missing", name, f"The table {table} does not exist."),
                *("Everything that uses it fails.", "aws dynamodb list-backups", "table-missing"),
            )
            continue
        expected = view.properties(name)
        yield from _stream(name, table, expected, described)
        yield from _protection(view, name, table, expected, described)
    yield from _events(view)


def _stream(name: str, table: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    if "StreamSpecification" not in expected:
        return
    view_type = expected["StreamSpecification"]["StreamViewType"]
    stream = found.get("StreamSpecification", {})
    if not stream.get("StreamEnabled") or stream.get("StreamViewType") != view_type:
        yield Finding(
            *("table-stream-off", name, f"The stream of {name} is not enabled with {view_type}."),
            "New rows never reach the projector, so no events are published.",
            f"aws dynamodb update-table --table-name {table} "
            f"--stream-specification StreamEnabled=true,StreamViewType={view_type}",
            "table-stream-off",
        )


def _protection(
    view: StackView, name: str, table: str, expected: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[Finding]:
    client = view.client("dynamodb")
    if "PointInTimeRecoverySpecification" in expected:
        backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
            yield Finding(
                *("recovery-off", name, f"Point-in-time recovery of {name} is off."),
                "Rows that are damaged or deleted from now on cannot be restored.",
                f"aws dynamodb update-continuous-backups --table-name {table} "
                "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
                "recovery-off",
            )
    if expected.get("DeletionProtectionEnabled") and not found.get("DeletionProtectionEnabled"):
        yield Finding(
            *("protection-off", name, f"Deletion protection of {name} is off."),
            "One wrong request can delete the table.",
            f"aws dynamodb update-table --table-name {table} --deletion-protection-enabled",
            "protection-off",
        )


def _events(view: StackView) -> Iterator[Finding]:
    [name] = view.of_type("AWS::Kinesis::Stream")
    stream = view.physical_ids[name]
    client = view.client("kinesis")
    try:
        summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding(
            *("event-stream-missing", name, f"The event stream {stream} does not exist."),
            *("No events are published.", "sam deploy", "event-stream-missing"),
        )
        return
    expected = int(view.properties(name)["RetentionPeriodHours"])
    if summary["RetentionPeriodHours"] < expected:
        yield Finding(
            *("retention-short", name),
            f"The event stream keeps events for {summary['RetentionPeriodHours']} hours; the template says {expected}.",
            "A consumer that is stopped for longer than that loses events.",
            f"aws kinesis increase-stream-retention-period --stream-name {stream} --retention-period-hours {expected}",
            "retention-short",
        )
