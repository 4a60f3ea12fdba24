"""The lake: delivery, failed records, stray files, the last reconciliation."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from consumers.lake.table import REASONS_PREFIX
from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, number_of, quoted, verb
from ops.doctor.stack_view import NEW, StackView
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles, listed
from ops.lake.reconcile.result import LATEST_KEY, UnknownResult, from_json
from ops.terminal import counted

NOT_ACTIVE = Kind("lake-delivery-not-active", "No events reach the lake.", "lakestopped")
DELIVERY_DIFFERS = Kind(
    "lake-delivery-differs", "Events may be late or missing in the lake.", "undo-a-change-made-by-hand"
)
STOPPED = Kind("lake-stopped", "Events are missing in the lake.", "lakestopped")
RECORDS_FAILED = Kind("lake-records-failed", "Queries and reports are incomplete.", "lakerefuses")
FILES_STRAY = Kind("lake-files-stray", "It is undefined whether Athena reads them.", "lake-files-stray")
NEVER_RECONCILED = Kind("reconciliation-missing", "Differences stay unnoticed.", "reconciliationmissing")
OLD = Kind("reconciliation-old", "Differences since then stay unnoticed.", "reconciliationmissing")
UNREADABLE = Kind("reconciliation-unreadable", "Reports cannot show whether they are right.", "reconciliationmissing")
DIFFERS = Kind(
    "reconciliation-differs", "Some events of the ledger are missing or differ in the lake.", "reconciliationfinds"
)
ERRORS_PREFIX = "errors/"
FAILED_MAX = 1000
"""Objects that are counted."""
RECONCILED = timedelta(hours=26)
SILENT, SILENT_LOCALLY = timedelta(minutes=30), timedelta(seconds=15)
WINDOW, PERIOD = timedelta(days=1), timedelta(minutes=5)
"""How far back events and reads are compared: the shortest retention of the stream, so Firehose can still read them."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks the lake's delivery stream and bucket."""
    lake = view.lake
    yield from delivery(view)
    failed = (key for key, _ in listed(lake.s3, lake.bucket, ERRORS_PREFIX) if not key.startswith(REASONS_PREFIX))
    if keys := list(islice(failed, FAILED_MAX)):
        what = f"{number_of(keys, 'object', FAILED_MAX)} under errors/ {verb(keys, 'holds', 'hold')} events "
        what += "that are not in the lake."
        yield RECORDS_FAILED.at(keys[0], what, f"account-events lake redrive{view.option}")
    if strays := LakeFiles.of(lake.s3, lake.bucket).strays(view.now.date()):
        what = f"{counted(len(strays), 'file')} under events/ {verb(strays, 'belongs', 'belong')} to no partition."
        source, target = (quoted(f"s3://{lake.bucket}/{prefix}{strays[0]}") for prefix in ("", "stray/"))
        repair = f"aws s3 mv {source} {target}"
        yield FILES_STRAY.at(strays[0], what, repair)
    yield from _reconciliation(view, lake)


def delivery(view: StackView) -> Iterator[Finding]:
    """Checks the delivery stream."""
    described = _described(view)
    if described and described["DeliveryStreamStatus"] == "ACTIVE":
        yield from _destination(view, view.deployment.outputs["LakeDeliveryName"], described)
    if stands := _standstill(view, described):
        yield stands


def standstill(view: StackView) -> Finding | None:
    """The finding if no events reach the lake: the delivery is deleted, not active or does not read the stream."""
    return _standstill(view, _described(view))


def _described(view: StackView) -> Mapping[str, Any] | None:
    """The delivery stream as Firehose describes it; None if it does not exist, as in the local stack."""
    if view.is_local:
        return None
    name = view.deployment.outputs["LakeDeliveryName"]
    answer = found(partial(view.client("firehose").describe_delivery_stream, DeliveryStreamName=name))
    described: Mapping[str, Any] | None = answer and answer["DeliveryStreamDescription"]
    return described


def _standstill(view: StackView, described: Mapping[str, Any] | None) -> Finding | None:
    if view.is_local:
        name = f"{view.name}-lake"
        dimensions = [{"Name": "DeliveryStreamName", "Value": name}]
        if view.has_metric("AWS/Firehose", "DataReadFromKinesisStream.Records", dimensions, SILENT_LOCALLY):
            return None
        what = "The delivery to the lake has not read the event stream lately."
        return STOPPED.at(name, what, view.start("stopped-lake"))
    if described is None:
        return deleted(view, "LakeDelivery")
    name, status = view.deployment.outputs["LakeDeliveryName"], described["DeliveryStreamStatus"]
    if status != "ACTIVE":
        return NOT_ACTIVE.at(name, f"The delivery stream {name} is {status}.", view.deploy)
    if unread := _unread_since(view, name, described["CreateTimestamp"]):
        what = f"Firehose has read nothing since {unread:%Y-%m-%d %H:%M} UTC, although events arrived."
        look = f"aws firehose describe-delivery-stream --delivery-stream-name {name}"
        return STOPPED.without_repair(name, what, look)
    return None


def _destination(view: StackView, name: str, described: Mapping[str, Any]) -> Iterator[Finding]:
    """Compares where and in which form Firehose writes, and what it invokes for it."""
    expected = view.properties("LakeDelivery")["ExtendedS3DestinationConfiguration"]
    hints = {key: int(value) for key, value in expected["BufferingHints"].items()}
    expected = {**expected, "BufferingHints": hints}
    [destination] = described["Destinations"]
    own, deployed = _compared(expected), _compared(destination.get("ExtendedS3DestinationDescription", {}))
    if wrong := [words for words, value in own.items() if deployed[words] != value]:
        repair = f"aws firehose update-destination --delivery-stream-name {name}"
        repair += f" --current-delivery-stream-version-id {described['VersionId']}"
        repair += f" --destination-id {destination['DestinationId']}"
        repair += f" --extended-s3-destination-update {quoted(expected)}"
        yield DELIVERY_DIFFERS.at(name, f"Firehose differs from the template in {', '.join(wrong)}.", repair)


def _compared(destination: Mapping[str, Any]) -> dict[str, object]:
    """The settings of a destination that are compared, by their names in words."""
    processing, conversion, partitioning = (
        destination.get(f"{each}Configuration", {})
        for each in ("Processing", "DataFormatConversion", "DynamicPartitioning")
    )
    parameters = {
        each["ParameterName"]: each["ParameterValue"]
        for processor in processing.get("Processors", ())
        for each in processor.get("Parameters", ())
    }
    schema = conversion.get("SchemaConfiguration", {})
    return {
        "its bucket": destination.get("BucketARN"),
        "its prefixes": (destination.get("Prefix"), destination.get("ErrorOutputPrefix")),
        "its buffer": destination.get("BufferingHints"),
        "its transform": (processing.get("Enabled"), parameters.get("LambdaArn", "").removesuffix(":$LATEST")),
        "its conversion to Parquet": (conversion.get("Enabled"), schema.get("DatabaseName"), schema.get("TableName")),
        "its partitioning": partitioning.get("Enabled"),
    }


def _unread_since(view: StackView, delivery_stream: str, created_at: datetime) -> datetime | None:
    """The first period with arrivals after the last one with reads, if Firehose has had half an hour to read them.

    Only whether records arrive and are read is compared, not their numbers, because Firehose counts a record again that
    it reads again (Amazon Data Firehose Developer Guide, CloudWatch metrics). A new delivery stream begins with the
    newest record.
    """
    start = max(view.now - WINDOW, created_at + NEW)
    stream = view.deployment.outputs["EventStreamName"]
    arrived = view.active_periods("AWS/Kinesis", "IncomingRecords", ("StreamName", stream), start, PERIOD)
    dimension = ("DeliveryStreamName", delivery_stream)
    read = view.active_periods("AWS/Firehose", "DataReadFromKinesisStream.Records", dimension, start, PERIOD)
    last_read = max(read, default=start - PERIOD)
    unread = min((each for each in arrived if each > last_read), default=None)
    return unread if unread and view.now - unread > SILENT + PERIOD else None


def _reconciliation(view: StackView, lake: Lake) -> Iterator[Finding]:
    repair = f"account-events reconcile{view.option}"
    try:
        result = from_json(lake.s3.get_object(Bucket=lake.bucket, Key=LATEST_KEY)["Body"].read())
    except lake.s3.exceptions.NoSuchKey:
        if not view.is_local and view.now - view.created_at > RECONCILED:
            yield NEVER_RECONCILED.at(LATEST_KEY, "Lake and ledger have never been compared.", repair)
        return
    except UnknownResult as error:
        yield UNREADABLE.at(LATEST_KEY, str(error), repair)
        return
    if view.now - result.compared_at > RECONCILED:
        what = f"Lake and ledger were last compared at {result.compared_at:%Y-%m-%d %H:%M} UTC."
        yield OLD.at(LATEST_KEY, what, repair)
    if result.differences:
        what = f"The last reconciliation found {counted(result.differences, 'difference')} between lake and ledger."
        yield DIFFERS.at(LATEST_KEY, what, repair)
