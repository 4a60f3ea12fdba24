"""The person on call: runs the commands of an entry as they are written, in bash, and reads what they print.

The commands see a local stack, with these differences to AWS:

- `account-events` commands run without `--stack`, and `check` without the ledger's table, as the runbook demands for
  the local stack.
- The event source mappings are fakes. They follow what `update-event-source-mapping` sets, and a deleted one is new.
- Alarms, the delivery stream and the rule are not in the local stack. Their names are made up, and an alarm's state is
  computed from what the stack emits (`alarm_states`).
- What the emulator does not have is answered as botocore's model of the service describes.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from typer.testing import CliRunner

from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.local_deployment import STACK_NAME
from ops.cli.app import app
from ops.cli.exit_handling import error_line
from ops.doctor.run import stack_view
from ops.doctor.stack_view import StackView
from tests.e2e.doctor_world import World
from tests.e2e.runbook.alarm_states import AlarmState, AlarmStates, alarm_name, is_on_aws_only
from tests.e2e.runbook.scenarios import Scenario
from tests.support.aws_cli import AwsCli, Respond
from tests.support.practice_shell import Answer, Program, Ran, Shell
from tests.support.runbook import Entry, entries, functions, preparation, procedures, scripts
from tests.support.template_metrics import ALARMS, COMPOSITES

DOCUMENT = (Path(__file__).parents[3] / "docs/runbook.md").read_text(encoding="utf-8")
ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in entries(DOCUMENT)}
PROCEDURES = procedures(DOCUMENT)
FUNCTIONS = functions(DOCUMENT)
LOOK, REPAIR, OVER = "How to look", "How to repair", "It is over when"
PLACEHOLDER = re.compile(
    r"\b(ACCOUNT|ADDRESS|ARN|CONSUMER|KEY|PREVIOUS_RELEASE|READ|RELEASE|ROW|TABLE|TIME|TOPIC_ARN)\b"
)
DELIVERY = f"{STACK_NAME}-lake"
TIMEOUT_S = 60.0
POLL_S = 0.1


class Operator:
    """Works on one entry of the runbook.

    Attributes:
        stubs: responses to requests that are not sent to the emulator, by service and operation.
        since_s: the time, in seconds since 1970, since which alarms and logs are looked at.
        checkout: makes this folder one of another release.
    """

    def __init__(self, world: World, scenario: Scenario, folder: Path) -> None:
        self.world, self.folder = world, folder
        self._entry, self._scenario = ENTRIES[scenario.entry], scenario
        self.stubs: dict[tuple[str, str], Respond] = {
            ("cloudformation", "describe-stack-resource"): self._describe_resource,
            ("cloudwatch", "describe-alarms"): self._describe_alarms,
            ("lambda", "get-event-source-mapping"): self._describe_mapping,
        }
        self.client: Callable[[str], Any] = cache(world.client)
        self.since_s = time.time()
        self.checkout: Callable[[str], object] = lambda _: None
        self._left = {script for part in (LOOK, REPAIR, OVER) for script in scripts(self._entry[part], FUNCTIONS)}
        self._unused = set(scenario.uses)
        programs: dict[str, Program] = {"account-events": self._account_events, "aws": self._aws, "sam": self._sam}
        programs |= {"git": self._git, "make": lambda _: Answer()}
        self._shell = Shell(preparation(DOCUMENT), programs, folder)
        self._aws_cli = AwsCli(self.client, self.stubs, lambda: self.since_s)

    # ---- the entry's commands

    def look(self, containing: str = "", **words: str) -> str:
        """Run the commands under How to look; return what they print."""
        return self._run(LOOK, containing, words)

    def repair(self, containing: str = "", **words: str) -> str:
        """Run those commands under How to repair that contain this text; return what they print."""
        return self._run(REPAIR, containing, words)

    def over(self, containing: str = "", **words: str) -> str:
        """Run the commands under It is over when; return what they print."""
        return self._run(OVER, containing, words)

    def procedure(self, heading: str, containing: str = "", **words: str) -> str:
        """Run the commands of a procedure that the entry refers to."""
        assert heading in self._scenario.uses, heading
        self._unused.discard(heading)
        found = [script for script in scripts(PROCEDURES[heading], FUNCTIONS) if containing in script]
        assert found, containing
        return "\n".join(self._paste(script, words) for script in found)

    def leave_out(self, containing: str, *, because: str) -> None:
        """Do not run the commands that contain this text."""
        found = {script for script in self._left if containing in script}
        assert found, containing
        assert because
        self._left -= found

    def assert_complete(self) -> None:
        """Check that each command of the entry has run, and each procedure that the scenario uses."""
        assert not self._left, self._left
        assert not self._unused, self._unused

    def _run(self, part: str, containing: str, words: Mapping[str, str]) -> str:
        found = [script for script in scripts(self._entry[part], FUNCTIONS) if containing in script]
        assert found, (part, containing)
        self._left.difference_update(found)
        return "\n".join(self._paste(script, words) for script in found)

    def _paste(self, script: str, words: Mapping[str, str]) -> str:
        """Run a block with these words instead of its placeholders (or of any other word)."""
        for word, value in words.items():
            script = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", lambda _, value=value: value, script)  # type: ignore[misc]
        assert not PLACEHOLDER.search(script), script
        ran: Ran = self._shell.run(script)
        for called, answer in ran.calls:
            assert answer.status in (0, 1), (called, answer)
        assert not re.search(r"command not found|syntax error|unbound|jq: error", ran.err), ran.err
        return ran.seen

    # ---- alarms

    @cached_property
    def view(self) -> StackView:
        """The stack, with names for the resources that only exist on AWS."""
        view = stack_view(self.world.examined, STACK_NAME, 0)
        names = {name: alarm_name(STACK_NAME, name) for name in [*ALARMS, *COMPOSITES]} | {"LakeDelivery": DELIVERY}
        return replace(view, physical_ids={**names, "AccountsByOwnerLook": RULE, **view.physical_ids})

    @cached_property
    def alarms(self) -> AlarmStates:
        return AlarmStates(self.view)

    def mark(self) -> None:
        """From now on, look only at what follows."""
        self.since_s = time.time()

    def metric(self, *values: float, alarm: str | None = None, name: str | None = None) -> None:
        """Put data of the alarm's metric, or of that with this id, as AWS's service emits it."""
        metrics = self.alarms.metrics(alarm or self._entry.name)
        self.alarms.put(metrics[name] if name else next(iter(metrics.values())), *values)

    def state(self, alarm: str | None = None) -> AlarmState:
        """The state of the alarm, of the entry's if none is named."""
        return self.alarms.state(alarm or self._entry.name, self.since_s)

    def assert_alarm(self, alarm: str | None = None) -> None:
        self.world.deployment.metrics.publish()
        state = self.state(alarm)
        assert state.is_alarm, state

    def assert_ok(self, alarm: str | None = None) -> None:
        self.world.deployment.metrics.publish()
        state = self.state(alarm)
        assert state.is_alarm is False, state

    def await_(self, holds: Callable[[], object], what: str) -> None:
        """Wait until this is true."""
        deadline = time.monotonic() + TIMEOUT_S
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(POLL_S)

    def await_ok(self, alarm: str | None = None) -> None:
        def is_ok() -> bool:
            self.world.deployment.metrics.publish()
            return self.state(alarm).is_alarm is False

        self.await_(is_ok, f"{alarm} OK")

    def await_alarm(self, alarm: str | None = None) -> None:
        self.await_(lambda: self.state(alarm).is_alarm, f"{alarm} in ALARM")

    # ---- the stack

    def output(self, name: str) -> str:
        return self.world.outputs[name]

    def id_of(self, logical_id: str) -> str:
        return self.view.physical_ids[logical_id]

    def log(self, group: str, *lines: Mapping[str, Any]) -> None:
        """Write lines into a log group, as an AWS service would."""
        logs, name = self.client("logs"), self.id_of(group)
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=name, logStreamName="practice")
        events = [{"timestamp": int(time.time() * 1_000), "message": json.dumps(line)} for line in lines]
        logs.put_log_events(logGroupName=name, logStreamName="practice", logEvents=events)

    # ---- programs

    def _account_events(self, arguments: Sequence[str]) -> Answer:
        given = _without(arguments, "--stack", STACK_NAME)
        if given[0] == "check":
            given = _without(given, "--table", self.output("TableName"))
        on_aws = {
            "AWS_ENDPOINT_URL": self.world.deployment.address.endpoint_url,
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
            answer = Answer(self._aws_cli.text(arguments))
        except ClientError as error:
            return Answer("", str(error), 1)
        self._follow(arguments)
        return answer

    def _follow(self, arguments: Sequence[str]) -> None:
        """Make the fake mapping do what a command sets."""
        if arguments[:1] != ["lambda"] or arguments[1] not in {
            "update-event-source-mapping",
            "delete-event-source-mapping",
        }:
            return
        mapping = self._mapping(arguments[arguments.index("--uuid") + 1])
        if "--no-enabled" in arguments or arguments[1].startswith("delete"):
            assert mapping.stop()
        elif "--enabled" in arguments and not mapping.status().running:
            mapping.start()

    def _sam(self, arguments: Sequence[str]) -> Answer:
        """`sam build` and `sam deploy`: deploy this folder's template, with the local stack's parameters."""
        if arguments[0] == "build":
            return Answer()
        assert list(arguments[:3]) == ["deploy", "--stack-name", STACK_NAME], arguments
        given = dict(each.split("=", 1) for each in arguments[4:])
        zips = {function: build_zip(function, "local") for function in PACKAGES}
        address = self.world.deployment.address
        deploy(address.endpoint_url, STACK_NAME, {"Target": "local", "Auth": "IAM", **given}, zips)
        return Answer("Successfully created/updated stack")

    def _git(self, arguments: Sequence[str]) -> Answer:
        """`git diff` finds no new schemas; `git checkout` changes nothing but what `checkout` does."""
        if arguments[0] == "checkout":
            self.checkout(arguments[1])
        return Answer()

    # ---- answers

    def _describe_resource(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        name = parameters["LogicalResourceId"]
        if not is_on_aws_only(name):
            found = self.world.client("cloudformation").describe_stack_resource(**parameters)
            return {"StackResourceDetail": found["StackResourceDetail"]}
        detail = {
            "LogicalResourceId": name,
            "PhysicalResourceId": self.id_of(name),
            "ResourceType": "AWS",
            "LastUpdatedTimestamp": self.since_s,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        return {"StackResourceDetail": detail}

    def _describe_alarms(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        found: dict[str, list[dict[str, Any]]] = {"MetricAlarms": [], "CompositeAlarms": []}
        for alarm in [*ALARMS, *COMPOSITES]:
            name = alarm_name(STACK_NAME, alarm)
            if name not in parameters.get("AlarmNames", [name]):
                continue
            state = self.state(alarm)
            value = "ALARM" if state.is_alarm else "OK"
            if value != parameters.get("StateValue", value):
                continue
            described = {"AlarmName": name, "StateValue": value, "StateReason": state.reason}
            kind = "MetricAlarms" if alarm in ALARMS else "CompositeAlarms"
            found[kind].append({**described, "StateUpdatedTimestamp": self.since_s})
        return found

    def _describe_mapping(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The emulator reports every mapping as enabled."""
        found = self.world.client("lambda").get_event_source_mapping(**parameters)
        found.pop("ResponseMetadata")
        is_running = self._mapping(parameters["UUID"]).status().running
        return {**found, "State": "Enabled" if is_running else "Disabled"}

    def _mapping(self, uuid: str) -> Any:  # noqa: ANN401 -- a mapping's fake
        deployment = self.world.deployment
        return deployment.mapping if uuid == self.output("MappingId") else deployment.mappings["AccountsByOwnerMapping"]


RULE = f"{STACK_NAME}-AccountsByOwnerLook-1A2B3C"


def _without(arguments: Sequence[str], option: str, value: str) -> list[str]:
    """The arguments without this option and its value."""
    for index in range(len(arguments) - 1):
        if list(arguments[index : index + 2]) == [option, value]:
            return [*arguments[:index], *arguments[index + 2 :]]
    return list(arguments)
