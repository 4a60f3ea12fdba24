"""What waits for an operator: parked accounts, gaps of the read model, batches in the failure buckets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from account_events.consumer.position import Gap
from ops.console.published import as_time
from ops.deployment.stack import Deployment
from ops.owners.read_model import inbox_of
from projector.dynamodb_parking import DynamoDBParking
from projector.parking import Parked

SHOWN_MAX = 50
"""Parked accounts and gaps that are shown. There may be more of them."""
OBJECTS_MAX = 1_000
"""Objects of a bucket that are counted."""


@dataclass(frozen=True, slots=True)
class WaitingAccount:
    """An account that is parked or has a gap, with the command that helps.

    Attributes:
        missing: the events that the read model waits for, "5" or "5 to 7"; empty for a parked account.
        first: the first event that is not published, of a parked account; 0 for a gap.
        reason: why the account is parked; empty for a gap.
        since: the time, ISO 8601.
    """

    account_id: str
    command: str
    since: str
    first: int = 0
    reason: str = ""
    missing: str = ""

    def parked_json(self) -> dict[str, Any]:
        """The parked account for the page."""
        found = {"account_id": self.account_id, "first": self.first, "reason": self.reason}
        return found | {"at": self.since, "command": self.command}

    def gap_json(self) -> dict[str, Any]:
        """The gap for the page."""
        return {
            "account_id": self.account_id,
            "missing": self.missing,
            "since": self.since,
            "command": self.command,
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits. `failed` and `failed_by_consumer` are the objects in the failure buckets."""

    parked: Sequence[WaitingAccount] = ()
    gaps: Sequence[WaitingAccount] = ()
    failed: int = 0
    failed_by_consumer: int = 0


class WaitingSource:
    """Looks up what waits.

    Args:
        deployment: the stack.
        option: the option with which a command works on the stack.
        clock: returns seconds since the epoch.
    """

    def __init__(self, deployment: Deployment, option: str, clock: Callable[[], float]) -> None:
        self._deployment, self._option, self._clock = deployment, option, clock

    def parked(self) -> list[WaitingAccount]:
        """All parked accounts, the one that waits longest first."""
        table = self._deployment.outputs["ParkedTableName"]
        found = DynamoDBParking(self._deployment.client("dynamodb"), table).list_parked()
        return [self._parked(each) for each in sorted(found.values(), key=lambda each: each.at)]

    def gaps(self) -> list[WaitingAccount]:
        """The gaps of the read model, at most GAPS_MAX of them, the oldest first."""
        found = inbox_of(self._deployment.client("dynamodb"), self._deployment.outputs).gaps(self._clock())
        return [self.gap(each) for each in found]

    def failed(self) -> int:
        """The number of objects in the projector's failure bucket."""
        return self._objects("FailureBucketName")

    def failed_by_consumer(self) -> int:
        """The number of objects in the consumers' failure bucket."""
        return self._objects("ConsumerFailureBucketName")

    def gap(self, gap: Gap) -> WaitingAccount:
        """A gap, with the command that publishes the account's events again."""
        stream = self._deployment.outputs["EventStreamName"]
        command = f"account-events replay --account {gap.account_id} --to-stream {stream} --live{self._option}"
        missing = f"{gap.first}" if gap.last <= gap.first else f"{gap.first} to {gap.last}"
        since = as_time(datetime.fromtimestamp(gap.since_s, UTC))
        return WaitingAccount(gap.account_id, command, since, missing=missing)

    def _parked(self, parked: Parked) -> WaitingAccount:
        command = f"account-events release {parked.account_id}{self._option}"
        return WaitingAccount(parked.account_id, command, parked.at, first=parked.first, reason=parked.reason)

    def _objects(self, output: str) -> int:
        bucket = self._deployment.outputs[output]
        found = self._deployment.client("s3").list_objects_v2(Bucket=bucket, MaxKeys=OBJECTS_MAX)
        return len(found.get("Contents", ()))
