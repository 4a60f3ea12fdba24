"""A local stack for the tests of `why`, with what they do to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from typer.testing import CliRunner

from account_core.domain.events import Created, Credited, Event, EventRow
from account_core.rows.items import to_item, version_of
from ops.cli.app import app
from tests.e2e.doctor_world import World
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S

POISON = {"Type": {"S": "INTEREST"}}
ATTEMPTS = 120


@dataclass(frozen=True)
class Answer:
    """What `account-events why --json` printed, and its exit code."""

    code: int
    found: dict[str, Any]

    @property
    def event(self) -> dict[str, Any]:
        """The only event."""
        [event] = self.found["events"]
        return dict(event)

    @property
    def findings(self) -> list[dict[str, str]]:
        """The findings of all events."""
        return [finding for event in self.found["events"] for finding in event["findings"]]

    @property
    def waits(self) -> list[tuple[str, str]]:
        """The kind and the place of each finding."""
        return [(each["kind"], each["where"]) for each in self.findings]

    def hops(self, where: str) -> list[dict[str, Any]]:
        """The only event's hops of this name."""
        return [hop for hop in self.event["timeline"] if hop["where"] == where]


@dataclass(frozen=True)
class WhyWorld(World):
    """The world of `doctor`'s tests, with questions to `why`."""

    def why(self, identifier: str, *options: str) -> Answer:
        """Ask where the events of an id are."""
        done = CliRunner().invoke(app, ["why", identifier, "--json", *options])
        assert done.stdout, (done.output, done.exception)
        return Answer(done.exit_code, json.loads(done.stdout))

    def await_kind(self, identifier: str, kind: str) -> Answer:
        """Ask until the answer has a finding of this kind: a stopped part is noticed when its metric is too old."""
        for _ in range(ATTEMPTS):
            answer = self.why(identifier)
            if kind in {kind for kind, _ in answer.waits}:
                return answer
        raise AssertionError(answer)

    def assert_repaired_by(self, answer: Answer) -> None:
        """Run the commands of the findings. The id's events are then everywhere."""
        for command in dict.fromkeys(each["repair"] for each in answer.findings if each["repair"]):
            self.run(command)
        self.settle()
        self.assert_everywhere(answer.found["id"])

    def assert_everywhere(self, identifier: str) -> Answer:
        answer = self.why(identifier)
        assert (answer.code, answer.findings) == (0, []), answer
        assert answer.found["is_everywhere"]
        return answer

    def start(self) -> None:
        super().start()
        for mapping in self.deployment.mappings.values():
            if not mapping.status().running:
                mapping.start()

    def opened(self, *amounts: str) -> str:
        """A new account, with a credit for each amount."""
        account_id = self.api.open_account()
        for amount in amounts:
            assert self.api.command(account_id, "credit", amount).status_code == 200
        return account_id

    def command(self, account_id: str, kind: str, amount: str, **ids: str) -> httpx.Response:
        """Send a command with these headers, whose names have underscores."""
        headers = {name.replace("_", "-"): value for name, value in ids.items()}
        return self.api.post(f"/accounts/{account_id}/{kind}", json={"amount": amount}, headers=headers)

    def published(self) -> None:
        """Wait until the projector has published all rows."""
        assert self.deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)

    @contextmanager
    def unnoticed_rows(self) -> Iterator[None]:
        """The projector never receives the rows that are written meanwhile."""
        mapping = self.deployment.mapping
        self.published()
        assert mapping.stop()
        yield
        mapping.begin_again(resume_after=self._ends_of_the_tables_stream())
        mapping.start()

    def _ends_of_the_tables_stream(self) -> dict[str, str]:
        streams, arn = self.client("dynamodbstreams"), self.outputs["TableStreamArn"]
        ends = {}
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            position = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = streams.get_shard_iterator(**position)["ShardIterator"]
            while records := (page := streams.get_records(ShardIterator=iterator))["Records"]:
                ends[shard["ShardId"]] = records[-1]["dynamodb"]["SequenceNumber"]
                iterator = page["NextShardIterator"]
        return ends


def row(account_id: str, sequence: int, event: Event, balance: str, age: timedelta = timedelta(0)) -> dict[str, Any]:
    """The item of an event that was written by hand."""
    return to_item(
        EventRow(
            account_id=account_id,
            version=version_of(sequence),
            sequence=sequence,
            occurred_at=(datetime.now(UTC) - age).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            event=event,
            balance=Decimal(balance),
            currency="EUR",
            correlation_id=f"by-hand-{account_id}-{sequence}",
            request_id=f"by-hand-{account_id}-{sequence}",
        )
    )


def credit(account_id: str, sequence: int, balance: str) -> dict[str, Any]:
    return row(account_id, sequence, Credited(Decimal("1.00")), balance)


def creation(account_id: str, age: timedelta) -> dict[str, Any]:
    return row(account_id, 1, Created("owner-1", "EUR"), "0.00", age)
