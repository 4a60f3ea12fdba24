"""The programs that an operator uses, on the local stack, with these differences to AWS.

- `account-events` commands run without `--stack`, and `check` without the ledger's table, as the runbook demands for
  the local stack.
- The event source mappings are fakes. They follow what `update-event-source-mapping` sets.
- Alarms, the delivery stream and the rule are not in the local stack. Their names are made up, and an alarm's state is
  computed from what the stack emits (`local_stack.alarms`).
- What the emulator does not have is answered as botocore's model of the service describes.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from typer.testing import CliRunner

from local_stack.alarms.deployed_alarms import made_up_name
from local_stack.alarms.local_alarms import AlarmState
from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.local_deployment import STACK_NAME
from ops.cli.app import app
from ops.cli.exit_handling import error_line
from ops.doctor.stack_view import StackView
from tests.e2e.doctor_world import World
from tests.support.aws_cli import AwsCli, Respond
from tests.support.practice_shell import Answer, Program
from tests.support.template_metrics import ALARMS, COMPOSITES
from tests.support.template_stack import is_on_aws_only, of_type

STOP_TIMEOUT_S = 60.0
"""Longer than an invocation of a function."""


class Programs:
    """The programs, by name.

    Args:
        world: the local stack.
        view: the stack with names for what only exists on AWS.
        state: returns the state of an alarm.
        since_s: returns the time, in seconds since 1970, before which nothing is seen.

    Attributes:
        stubs: responses to requests that are not sent to the emulator, by service and operation.
        checkout: makes this folder one of another release, given its tag.
        client: returns a client of a service of the emulator.
    """

    def __init__(
        self, world: World, view: StackView, state: Callable[[str], AlarmState], since_s: Callable[[], float]
    ) -> None:
        self._world, self._view, self._state, self._since_s = world, view, state, since_s
        self.client: Callable[[str], Any] = cache(world.client)
        self.checkout: Callable[[str], object] = lambda _: None
        self.stubs: dict[tuple[str, str], Respond] = {
            ("cloudformation", "describe-stack-resource"): self._describe_resource,
            ("cloudwatch", "describe-alarms"): self._describe_alarms,
            ("lambda", "delete-event-source-mapping"): self._delete_mapping,
            ("lambda", "get-event-source-mapping"): self._describe_mapping,
            ("lambda", "update-event-source-mapping"): self._update_mapping,
            ("s3", "get-bucket-encryption"): self._describe_encryption,
            ("s3", "get-bucket-policy"): self._describe_policy,
        }
        self._aws_cli = AwsCli(self.client, self.stubs, since_s)

    def by_name(self) -> Mapping[str, Program]:
        return {
            "account-events": self._account_events,
            "aws": self._aws,
            "git": self._git,
            "make": lambda _: Answer(),
            "sam": self._sam,
        }

    def _account_events(self, arguments: Sequence[str]) -> Answer:
        given = _without(arguments, "--stack", STACK_NAME)
        if given[0] == "check":
            given = _without(given, "--table", self._output("TableName"))
        on_aws = {
            "AWS_ENDPOINT_URL": self._world.deployment.address.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
            "COLUMNS": "300",
        }
        done = CliRunner().invoke(app, given, env=on_aws)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            line = error_line(done.exception)
            if line is None:
                raise done.exception
            return Answer(done.stdout, f"{done.stderr}✗ {line}", 1)
        return Answer(done.stdout, done.stderr, done.exit_code)

    def _aws(self, arguments: Sequence[str]) -> Answer:
        try:
            return Answer(self._aws_cli.text(arguments))
        except ClientError as error:
            return Answer("", str(error), 1)

    def _sam(self, arguments: Sequence[str]) -> Answer:
        """`sam build` and `sam deploy`: deploy this folder's template, with the local stack's parameters."""
        if arguments[0] == "build":
            return Answer()
        assert list(arguments[:3]) == ["deploy", "--stack-name", STACK_NAME], arguments
        given = dict(each.split("=", 1) for each in arguments[4:])
        zips = {function: build_zip(function, "local") for function in PACKAGES}
        address = self._world.deployment.address
        deploy(address.endpoint_url, STACK_NAME, {"Target": "local", "Auth": "IAM", **given}, zips)
        return Answer("Successfully created/updated stack")

    def _git(self, arguments: Sequence[str]) -> Answer:
        """`git diff` finds no new schemas; `git checkout` changes nothing but what `checkout` does with the tag."""
        if arguments[0] == "checkout":
            assert re.fullmatch(r"v\d+\.\d+\.\d+", arguments[1]), arguments
            self.checkout(arguments[1])
        return Answer()

    def _describe_resource(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        name = parameters["LogicalResourceId"]
        if not is_on_aws_only(name):
            found = self._world.client("cloudformation").describe_stack_resource(**parameters)
            return {"StackResourceDetail": found["StackResourceDetail"]}
        detail = {
            "LogicalResourceId": name,
            "PhysicalResourceId": self._id_of(name),
            "ResourceType": "AWS",
            "LastUpdatedTimestamp": self._since_s(),
            "ResourceStatus": "CREATE_COMPLETE",
        }
        return {"StackResourceDetail": detail}

    def _describe_alarms(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        found: dict[str, list[dict[str, Any]]] = {"MetricAlarms": [], "CompositeAlarms": []}
        for alarm in [*ALARMS, *COMPOSITES]:
            name = made_up_name(STACK_NAME, alarm)
            if name not in parameters.get("AlarmNames", [name]):
                continue
            state = self._state(alarm)
            value = "ALARM" if state.is_alarm else "OK"
            if value != parameters.get("StateValue", value):
                continue
            described = {"AlarmName": name, "StateValue": value, "StateReason": state.reason}
            kind = "MetricAlarms" if alarm in ALARMS else "CompositeAlarms"
            found[kind].append({**described, "StateUpdatedTimestamp": self._since_s()})
        return found

    def _describe_mapping(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The emulator reports every mapping as enabled."""
        found = self._world.client("lambda").get_event_source_mapping(**parameters)
        found.pop("ResponseMetadata")
        is_running = self._mapping(parameters["UUID"]).status().running
        return {**found, "State": "Enabled" if is_running else "Disabled"}

    def _update_mapping(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The emulator's own mappings stay disabled, because its poller would deliver the records a second time."""
        mapping = self._mapping(parameters["UUID"])
        if not parameters["Enabled"]:
            assert mapping.stop(STOP_TIMEOUT_S)
        elif not mapping.status().running:
            continue_with(mapping, {})
        return self._describe_mapping({"UUID": parameters["UUID"]})

    def _delete_mapping(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._mapping(parameters["UUID"]).stop(STOP_TIMEOUT_S)
        return {}

    def _describe_policy(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Local buckets have no policies, because the local stack does not use TLS."""
        policies = [self._view.properties(name) for name in of_type("AWS::S3::BucketPolicy")]
        [found] = [each for each in policies if each["Bucket"] == parameters["Bucket"]]
        return {"Policy": json.dumps(found["PolicyDocument"])}

    def _describe_encryption(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The emulator does not keep what CloudFormation sets."""
        [name] = [each for each in of_type("AWS::S3::Bucket") if self._id_of(each) == parameters["Bucket"]]
        rules = self._view.properties(name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        applied = [{"ApplyServerSideEncryptionByDefault": each["ServerSideEncryptionByDefault"]} for each in rules]
        return {"ServerSideEncryptionConfiguration": {"Rules": applied}}

    def _mapping(self, uuid: str) -> MappingRunner:
        deployment = self._world.deployment
        return (
            deployment.mapping if uuid == self._output("MappingId") else deployment.mappings["AccountsByOwnerMapping"]
        )

    def _output(self, name: str) -> str:
        return self._world.outputs[name]

    def _id_of(self, logical_id: str) -> str:
        return self._view.physical_ids[logical_id]


def _without(arguments: Sequence[str], option: str, value: str) -> list[str]:
    """The arguments without this option and its value."""
    for index in range(len(arguments) - 1):
        if list(arguments[index : index + 2]) == [option, value]:
            return [*arguments[:index], *arguments[index + 2 :]]
    return list(arguments)


def continue_with(runner: MappingRunner, settings: Mapping[str, Any]) -> None:
    """Let the fake of a mapping continue where it stopped, with these settings and without a pause before a retry."""
    if runner.status().running:
        assert runner.stop(STOP_TIMEOUT_S)
    shards = runner.status().shards
    runner.begin_again({each.shard_id: each.checkpoint for each in shards if each.checkpoint}, **settings)
    runner.start()
