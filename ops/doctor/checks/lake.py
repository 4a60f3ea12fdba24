"""The lake: delivery, refused records, stray files, daily totals, the last reconciliation."""

from collections.abc import Iterator
from datetime import timedelta

from consumers.lake.table import REASONS_PREFIX
from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles
from ops.lake.reconcile.result import LATEST_KEY, UnknownResult, from_json

ERRORS_PREFIX = "errors/"
KEYS_MAX = 1_000
RECONCILED = timedelta(hours=26)
SILENT, SILENT_LOCALLY = timedelta(minutes=30), timedelta(seconds=15)
REPAIR_FINDINGS = "Some events of the ledger are missing or differ in the lake."


def check(view: StackView) -> Iterator[Finding]:
    """Checks the lake's delivery stream and bucket."""
    lake = Lake.of(view.deployment)
    yield from _delivery(view)
    yield from _refused(view, lake)
    yield from _strays(view, lake)
    yield from _reconciliation(view, lake)


def _delivery(view: StackView) -> Iterator[Finding]:
    if view.is_local:
        name = f"{view.name}-lake"
    else:
        name = view.deployment.outputs["LakeDeliveryName"]
        described = view.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
        status = described["DeliveryStreamDescription"]["DeliveryStreamStatus"]
        if status != "ACTIVE":
            yield Finding(
                *("lake-delivery-not-active", name, f"The delivery stream {name} is {status}."),
                *("No events reach the lake.", "sam deploy", "lakestopped"),
            )
            return
    if view.is_local and not _datapoints(view, "AWS/Firehose", "DataReadFromKinesisStream.Records", name):
        yield Finding(
            *("lake-stopped", name, "The delivery to the lake has not read the event stream lately."),
            *("Events are missing in the lake.", "make up", "lakestopped"),
        )


def _datapoints(view: StackView, namespace: str, metric: str, name: str) -> bool:
    silent = SILENT_LOCALLY if view.is_local else SILENT
    found = view.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": "DeliveryStreamName", "Value": name}],
        StartTime=view.now - silent,
        EndTime=view.now + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount"],
    )
    return bool(found["Datapoints"])


def _refused(view: StackView, lake: Lake) -> Iterator[Finding]:
    found = lake.s3.list_objects_v2(Bucket=lake.bucket, Prefix=ERRORS_PREFIX, MaxKeys=KEYS_MAX).get("Contents", ())
    keys = [each["Key"] for each in found if not each["Key"].startswith(REASONS_PREFIX)]
    if keys:
        yield Finding(
            *(
                "lake-records-failed",
                keys[0],
                f"{len(keys)} objects under errors/ hold events that are not in the lake.",
            ),
            "Queries and reports are incomplete.",
            *(f"account-events lake redrive{view.option}", "lakerefuses"),
        )


def _strays(view: StackView, lake: Lake) -> Iterator[Finding]:
    strays = LakeFiles.of(lake.s3, lake.bucket).strays(view.now.date())
    if strays:
        yield Finding(
            *("lake-files-stray", strays[0], f"{len(strays)} files under events/ belong to no partition."),
            "It is undefined whether Athena reads them.",
            f"aws s3 mv s3://{lake.bucket}/{strays[0]} s3://{lake.bucket}/stray/{strays[0]}",
            "lake-files-stray",
        )


def _reconciliation(view: StackView, lake: Lake) -> Iterator[Finding]:
    repair, runbook = f"account-events reconcile{view.option}", "reconciliationmissing"
    try:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=LATEST_KEY)["Body"].read()
        result = from_json(body)
    except lake.s3.exceptions.NoSuchKey:
        if not view.is_local:
            yield Finding(
                *("reconciliation-missing", LATEST_KEY, "Lake and ledger have never been compared."),
                *("Differences stay unnoticed.", repair, runbook),
            )
        return
    except UnknownResult as error:
        yield Finding(
            *("reconciliation-unreadable", LATEST_KEY, str(error), "Reports cannot show whether they are right."),
            *(repair, runbook),
        )
        return
    if view.now - result.compared_at > RECONCILED:
        yield Finding(
            *("reconciliation-old", LATEST_KEY),
            f"Lake and ledger were last compared at {result.compared_at:%Y-%m-%d %H:%M} UTC.",
            *("Differences since then stay unnoticed.", repair, runbook),
        )
    if result.differences:
        yield Finding(
            *("reconciliation-differs", LATEST_KEY),
            f"The last reconciliation found {result.differences} differences between lake and ledger.",
            *(REPAIR_FINDINGS, repair, "reconciliationfinds"),
        )
