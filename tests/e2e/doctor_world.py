"""A healthy local stack for the tests of `doctor`, with what they do to it."""

import shlex
import time
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from typer.testing import CliRunner

from account_core.rows.layout import key, rows_query
from local_stack.alarms.local_alarms import LocalAlarms
from local_stack.emulator import client
from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from ops.deployment.stack import Deployment
from ops.doctor.finding import Finding
from ops.doctor.run import CHECKS, examine
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api
from tests.support.aws_cli import run_aws

SILENCE_TIMEOUT_S = 120.0


class SharedClients(Deployment):
    """A deployment whose clients are the same in every run of `doctor`, because making them is slow."""

    def client(self, service: str, read_timeout_s: float = 20.0) -> Any:  # noqa: ANN401 -- a client
        assert self.address is not None
        return _client(self.address.endpoint_url, service, read_timeout_s)


@cache
def _client(endpoint_url: str, service: str, read_timeout_s: float) -> Any:  # noqa: ANN401 -- a client
    return client(service, endpoint_url, read_timeout_s)


@dataclass(frozen=True)
class World:
    """A healthy local stack with two accounts: the first has snapshots, the second only a few rows."""

    deployment: LocalDeployment
    examined: "SharedClients"
    api: Api
    first: str
    second: str

    @property
    def outputs(self) -> dict[str, str]:
        return self.deployment.address.outputs

    @cached_property
    def alarms(self) -> LocalAlarms:
        return LocalAlarms(self.deployment.address)

    def client(self, service: str) -> Any:  # noqa: ANN401 -- a client
        return self.deployment.address.client(service)

    def physical(self, logical_id: str) -> str:
        """The physical id of a resource."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=self.outputs["StackName"], LogicalResourceId=logical_id
        )
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def findings(self) -> list[Finding]:
        """What `doctor` finds now. No time is left for events to be on their way."""
        found = examine(self.examined, None, grace_s=0, progress=lambda _: None)
        assert set(found.completed) == set(CHECKS), found.findings
        return list(found.findings)

    def await_finding(self, kind: str) -> None:
        """Wait until the metric of a stopped part is too old."""
        deadline = time.monotonic() + SILENCE_TIMEOUT_S
        while kind not in {finding.kind for finding in self.findings()}:
            assert time.monotonic() < deadline, kind

    def repair(self) -> None:
        """Run the commands of the findings until there are none.

        Once is not always enough: a backfill leaves out events that may still be on their way, and a part that is
        started again publishes its metric a little later.
        """
        deadline = time.monotonic() + SILENCE_TIMEOUT_S
        while found := self.findings():
            assert time.monotonic() < deadline, found
            for command in dict.fromkeys(finding.repair or finding.look for finding in found):
                self.run(command)
            self.settle()

    def settle(self) -> None:
        assert self.deployment.wait_until_idle(IDLE_TIMEOUT_S), self.deployment.mapping.status()

    def credit(self, account_id: str) -> None:
        assert self.api.command(account_id, "credit", "1.00").status_code == 200

    def row(self, account_id: str, version: int) -> dict[str, Any]:
        found = self.client("dynamodb").get_item(TableName=self.outputs["TableName"], Key=key(account_id, version))
        item: dict[str, Any] = found["Item"]
        return item

    def put_row(self, item: dict[str, Any]) -> None:
        self.client("dynamodb").put_item(TableName=self.outputs["TableName"], Item=item)

    def delete_row(self, account_id: str, version: int) -> None:
        self.client("dynamodb").delete_item(TableName=self.outputs["TableName"], Key=key(account_id, version))

    def newest(self, account_id: str) -> int:
        """The version of the account's newest row."""
        found = self.client("dynamodb").query(
            TableName=self.outputs["TableName"], ScanIndexForward=False, Limit=1, **rows_query(account_id)
        )
        return int(found["Items"][0]["Version"]["N"])

    def lake_keys(self, prefix: str) -> list[str]:
        found = self.client("s3").list_objects_v2(Bucket=self.outputs["LakeBucketName"], Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def put_in_lake(self, object_key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.outputs["LakeBucketName"], Key=object_key, Body=body)

    def delete_from_lake(self, object_key: str) -> None:
        self.client("s3").delete_object(Bucket=self.outputs["LakeBucketName"], Key=object_key)

    def start(self) -> None:
        """Start what is stopped, as the next `make up` does."""
        if not self.deployment.mapping.status().running:
            self.deployment.mapping.start()
        if not self.deployment.firehose.status().is_running:
            self.deployment.firehose.start()

    def run(self, command: str) -> None:
        """Run a command that a finding names."""
        if " && " in command:
            for each in command.split(" && "):
                self.run(each)
            return
        if command == "make up":
            self.start()
            return
        if command.startswith("aws "):
            run_aws(command, self.client)
            return
        program, *arguments = shlex.split(command)
        assert program == "account-events", command
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code in (0, 1), (command, done.output, done.exception)
