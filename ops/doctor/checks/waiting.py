"""Accounts that wait and records that were given up: parked accounts, failure buckets, gaps of the read model."""

from collections.abc import Iterator
from typing import Any

from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView
from projector.dynamodb_parking import DynamoDBParking

NAMED_MAX = 3
OBJECTS_MAX = 1_000


def check(view: StackView) -> Iterator[Finding]:
    """Lists what waits for an operator."""
    yield from _parked(view)
    yield from _failures(view)
    yield from _gaps(view)


def _parked(view: StackView) -> Iterator[Finding]:
    outputs = view.deployment.outputs
    parked = DynamoDBParking(view.client("dynamodb"), outputs["ParkedTableName"]).list_parked()
    if parked:
        first = min(parked.values(), key=lambda each: each.at)
        yield Finding(
            *("account-parked", _named(sorted(parked))),
            f"{len(parked)} accounts are parked; the first since {first.at}, at event {first.first}: {first.reason}.",
            "Their later events are not published. First repair the row, or deploy a release that can read it.",
            *(f"account-events release --all{view.option}", "projectorparks"),
        )


def _failures(view: StackView) -> Iterator[Finding]:
    outputs, s3 = view.deployment.outputs, view.client("s3")
    if objects := _count(s3, outputs["FailureBucketName"]):
        yield Finding(
            *("records-discarded", outputs["FailureBucketName"]),
            f"{objects} objects are in the projector's failure bucket.",
            "Lambda gave up delivering their rows, so their accounts may have a gap on the event stream.",
            *(f"account-events release --failures{view.option}", "projectorgaveup"),
        )
    if objects := _count(s3, outputs["ConsumerFailureBucketName"]):
        yield Finding(
            *("consumer-records-discarded", outputs["ConsumerFailureBucketName"]),
            f"{objects} objects are in the consumers' failure bucket.",
            "Lambda gave up delivering their events to the read model, so its accounts may have a gap.",
            *(f"account-events owners check{view.option}", "accountsbyownergaveup"),
        )


def _gaps(view: StackView) -> Iterator[Finding]:
    inbox = DynamoDBInbox(view.client("dynamodb"), view.deployment.outputs["OwnedInboxTableName"])
    gaps = inbox.gaps(view.now.timestamp() - view.grace_s)
    if gaps:
        accounts = sorted(gap.account_id for gap in gaps)
        first = gaps[0]
        yield Finding(
            *("read-model-gap", _named(accounts)),
            f"{len(gaps)} accounts of the read model wait for a missing event; {first.account_id} for "
            f"{first.first} to {first.last}.",
            "The lists of accounts by owner do not show their later events.",
            *(f"account-events owners rebuild {' '.join(accounts[:NAMED_MAX])}{view.option}", "accountsbyownerwaits"),
        )


def _count(s3: Any, bucket: str) -> int:  # noqa: ANN401 -- a client
    return len(s3.list_objects_v2(Bucket=bucket, MaxKeys=OBJECTS_MAX).get("Contents", ()))


def _named(names: list[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
