"""Tables and the event stream: stream, protection against loss, retention."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView
from ops.terminal import counted

TABLE_MISSING = Kind("table-missing", "Everything that uses it fails.", "table-missing")
STREAM_OFF = Kind(
    "table-stream-off", "New rows never reach the projector, so no events are published.", "table-stream-off"
)
RECOVERY_OFF = Kind("recovery-off", "Rows that are damaged or deleted from now on cannot be restored.", "recovery-off")
PROTECTION_OFF = Kind("protection-off", "One wrong request can delete the table.", "protection-off")
EVENT_STREAM_MISSING = Kind("event-stream-missing", "No events are published.", "event-stream-missing")
TABLE_DIFFERS = Kind(
    "table-settings-differ",
    "Requests may be refused or throttled, or other keys encrypt the table.",
    "undo-a-change-made-by-hand",
)
STREAM_DIFFERS = Kind(
    "event-stream-settings-differ",
    "The stream may be too small for the events, or is not encrypted as it should be.",
    "undo-a-change-made-by-hand",
)
RETENTION_SHORT = Kind(
    "retention-short", "A consumer that is stopped for longer than that loses events.", "retention-short"
)
AWS_KEY = "alias/aws/kinesis"
SCALING = "--scaling-type UNIFORM_SCALING"


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
        expected = view.properties(name)
        yield from _table(name, table, expected, described["Table"], backups)
        key = None if view.is_local else expected["SSESpecification"].get("KMSMasterKeyId")  # the emulator ignores it
        if key and (used := described["Table"].get("SSEDescription", {}).get("KMSMasterKeyArn")) != key:
            what = f"{name} is encrypted with {used or 'a key of AWS'}, not with KmsKeyArn."
            yield TABLE_DIFFERS.at(name, what, f"aws dynamodb update-table --table-name {table} {_with_key(key)}")
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
    for what, options in _differences(expected, deployed):
        yield TABLE_DIFFERS.at(name, f"{name} {what}.", f"{update} {options}")


def _differences(expected: Mapping[str, Any], deployed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each setting that differs, in words, and the options that correct it."""
    mode = deployed.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if mode != (own := expected["BillingMode"]):
        yield f"has the billing mode {mode}; the template has {own}", f"--billing-mode {own}"
    indexes = {each["IndexName"] for each in deployed.get("GlobalSecondaryIndexes", ())}
    for index in expected.get("GlobalSecondaryIndexes", ()):
        if index["IndexName"] not in indexes:
            options = f"--attribute-definitions {quoted(expected['AttributeDefinitions'])}"
            options += f" --global-secondary-index-updates {quoted([{'Create': index}])}"
            yield f"has no index {index['IndexName']}", options


def _with_key(key: str) -> str:
    return f"--sse-specification {quoted({'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': key})}"


def _events(view: StackView) -> Iterator[Finding]:
    for name in view.of_type("AWS::Kinesis::Stream"):
        yield from _event_stream(view, name)


def _event_stream(view: StackView, name: str) -> Iterator[Finding]:
    stream, client = view.physical_ids[name], view.client("kinesis")
    described = found(partial(client.describe_stream_summary, StreamName=stream))
    expected = view.properties(name)
    mode, shards = expected["StreamModeDetails"]["StreamMode"], expected.get("ShardCount")
    if described is None:
        repair = f"aws kinesis create-stream --stream-name {stream} --stream-mode-details StreamMode={mode}"
        repair += f" --shard-count {shards}" if shards else ""
        yield EVENT_STREAM_MISSING.at(name, f"The event stream {stream} does not exist.", repair)
        return
    deployed = described["StreamDescriptionSummary"]
    for what, repair in _stream_differences(view, stream, expected, deployed):
        yield STREAM_DIFFERS.at(name, f"The event stream {what}.", repair)
    hours, least = deployed["RetentionPeriodHours"], int(expected["RetentionPeriodHours"])
    if hours < least:
        repair = f"aws kinesis increase-stream-retention-period --stream-name {stream}"
        repair += f" --retention-period-hours {least}"
        what = f"The event stream keeps events for {hours} hours; in the template, it is {least} hours."
        yield RETENTION_SHORT.at(name, what, repair)


def _stream_differences(
    view: StackView, stream: str, expected: Mapping[str, Any], deployed: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Each setting that differs, in words, and the command that corrects it."""
    if shards := expected.get("ShardCount"):  # locally; on AWS, Kinesis chooses their number
        if (count := deployed["OpenShardCount"]) < int(shards):
            repair = f"aws kinesis update-shard-count --stream-name {stream} --target-shard-count {shards}"
            yield f"has {counted(count, 'shard')}; in the template, it is {shards}", f"{repair} {SCALING}"
    elif (mode := deployed["StreamModeDetails"]["StreamMode"]) != (own := expected["StreamModeDetails"]["StreamMode"]):
        repair = f"aws kinesis update-stream-mode --stream-arn {deployed['StreamARN']}"
        yield f"has the mode {mode}; the template has {own}", f"{repair} --stream-mode-details StreamMode={own}"
    key = expected["StreamEncryption"]["KeyId"]
    uses_key = key == AWS_KEY or deployed.get("KeyId") == key
    if not view.is_local and not (deployed.get("EncryptionType") == "KMS" and uses_key):
        repair = f"aws kinesis start-stream-encryption --stream-name {stream} --encryption-type KMS --key-id {key}"
        yield f"is not encrypted with {key}", repair
