"""Accounts that wait and records that were given up: parked accounts, failure buckets, gaps of the read model."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from account_events.consumer.position import GAPS_MAX
from ops.doctor.deleted import found
from ops.doctor.finding import Finding, Kind, left_out, named, number_of, verb
from ops.doctor.stack_view import StackView
from ops.owners.read_model import inbox_of
from ops.terminal import counted
from projector.dynamodb_parking import DynamoDBParking

PARKED = Kind(
    "account-parked",
    "Their later events are not published. First repair the row, or deploy a release that can read it.",
    "projectorparks",
)
DISCARDED = Kind(
    "records-discarded",
    "Lambda gave up delivering their rows, so their accounts may have a gap on the event stream.",
    "projectorgaveup",
)
CONSUMER_DISCARDED = Kind(
    "consumer-records-discarded",
    "Lambda gave up delivering their events to the read model, so its accounts may have a gap.",
    "accountsbyownergaveup",
)
GAP = Kind("read-model-gap", "The lists of accounts by owner do not show their later events.", "accountsbyownerwaits")

OBJECTS_MAX = 1000


def check(view: StackView) -> Iterator[Finding]:
    """Lists what waits for an operator."""
    outputs, dynamodb, s3 = view.deployment.outputs, view.client("dynamodb"), view.lake.s3
    if parked := DynamoDBParking(dynamodb, outputs["ParkedTableName"]).list_parked():
        first = min(parked.values(), key=lambda each: each.at)
        what = f"{counted(len(parked), 'account')} {verb(list(parked), 'is', 'are')} parked, "
        what += f"the first since {first.at} at event {first.first}: {first.reason}."
        yield PARKED.at(named(sorted(parked)), what, f"account-events release --all{view.option}")
    bucket = outputs["FailureBucketName"]
    if objects := _objects(s3, bucket):
        what = f"The projector's failure bucket has {number_of(objects, 'object', OBJECTS_MAX).lower()}."
        yield DISCARDED.at(bucket, what, f"account-events release --failures{view.option}")
    bucket = outputs["ConsumerFailureBucketName"]
    if objects := _objects(s3, bucket):
        what = f"The consumers' failure bucket has {number_of(objects, 'object', OBJECTS_MAX).lower()}."
        yield CONSUMER_DISCARDED.without_repair(bucket, what, f"account-events owners check{view.option}")
    if gaps := inbox_of(dynamodb, outputs).gaps(view.now.timestamp() - view.grace_s):
        accounts, gap = sorted(each.account_id for each in gaps), gaps[0]
        what = f"{number_of(gaps, 'account', GAPS_MAX)} of the read model {verb(gaps, 'waits', 'wait')} "
        what += f"for a missing event; {gap.account_id} for event {gap.first}.{left_out(accounts)}"
        yield GAP.at(named(accounts), what, view.replay(accounts))


def _objects(s3: Any, bucket: str) -> Sequence[object]:  # noqa: ANN401 -- a client
    """The objects of a bucket, at most those of one page; none if it does not exist, which another check reports."""
    page = found(partial(s3.list_objects_v2, Bucket=bucket, MaxKeys=OBJECTS_MAX)) or {}
    objects: Sequence[object] = page.get("Contents", ())
    return objects
