"""The person on call: runs the commands of an entry as they are written, in bash, and reads what they print."""

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from local_stack.alarms.deployed_alarms import made_up_name
from local_stack.alarms.local_alarms import AlarmState, LocalAlarms
from local_stack.local_deployment import STACK_NAME
from ops.doctor.run import stack_view
from ops.doctor.stack_view import StackView
from tests.e2e.doctor_world import World
from tests.e2e.runbook.programs import Programs
from tests.e2e.runbook.scenarios import Scenario
from tests.support.practice_shell import Ran, Shell
from tests.support.runbook import Entry, entries, functions, preparation, procedures, scripts
from tests.support.template_metrics import ALARMS, COMPOSITES, inputs_of
from tests.support.template_stack import RESOURCES, is_on_aws_only
from tests.support.waiting import await_condition

DOCUMENT = (Path(__file__).parents[3] / "docs/runbook.md").read_text(encoding="utf-8")
ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in entries(DOCUMENT)}
PROCEDURES = procedures(DOCUMENT)
FUNCTIONS = functions(DOCUMENT)
LOOK, REPAIR, OVER = "How to look", "How to repair", "It is over when"
PLACEHOLDER = re.compile(
    r"\b(ACCOUNT|ADDRESS|ARN|BUCKET|CONSUMER|KEY|MONTH|NUMBER|PREVIOUS_RELEASE|READ|ROW|TABLE|TIME|TOPIC_ARN)\b"
)
RULE = made_up_name(STACK_NAME, "AccountsByOwnerLook")
DELIVERY = f"{STACK_NAME}-lake"
TIMEOUT_S = 60.0


class Operator:
    """Works on one entry of the runbook.

    Attributes:
        stubs, client: those of its `programs`.
        since_s: the time, in seconds since 1970, since which alarms and logs are looked at.
    """

    def __init__(self, world: World, scenario: Scenario, folder: Path) -> None:
        self.world, self.folder = world, folder
        self._entry, self._scenario = ENTRIES[scenario.entry], scenario
        self.since_s = time.time()
        self._left = {line for part in (LOOK, REPAIR, OVER) for line in _lines(self._scripts(part))}
        self._unused = set(scenario.uses)
        self._states: set[bool] = set()
        self.programs = Programs(world, self.view, self.state, lambda: self.since_s)
        self.stubs, self.client = self.programs.stubs, self.programs.client
        self._shell = Shell(preparation(DOCUMENT), self.programs.by_name(), folder)

    # ---- the entry's commands

    def look(self, containing: str = "", **words: str) -> str:
        """Run those commands under How to look that contain this text; return what they print."""
        return self._run([line for line in _lines(self._scripts(LOOK)) if containing in line], words)

    def repair(self, containing: str = "", **words: str) -> str:
        """Run those blocks under How to repair that contain this text; return what they print."""
        return self._run([script for script in self._scripts(REPAIR) if containing in script], words)

    def over(self, containing: str = "", **words: str) -> str:
        """Run those commands under It is over when that contain this text; return what they print."""
        return self._run([script for script in self._scripts(OVER) if containing in script], words)

    def procedure(self, heading: str, containing: str = "", **words: str) -> str:
        """Run the commands of a procedure that the entry refers to."""
        assert heading in self._scenario.uses, heading
        self._unused.discard(heading)
        found = [script for script in scripts(PROCEDURES[heading], FUNCTIONS) if containing in script]
        assert found, containing
        return "\n".join(self._paste(script, words) for script in found)

    def assert_complete(self) -> None:
        """Check that each command of the entry has run, and each procedure that the scenario uses.

        The alarm of the entry must have been seen in ALARM and, unless it is an input, in OK.
        """
        assert not self._left, self._left
        assert not self._unused, self._unused
        if self._entry.name in {**ALARMS, **COMPOSITES}:
            is_input = any(self._entry.name in inputs_of(composite) for composite in COMPOSITES)
            assert ({True} if is_input else {True, False}) <= self._states, self._states

    def _scripts(self, part: str) -> list[str]:
        return scripts(self._entry[part], FUNCTIONS)

    def _run(self, found: Sequence[str], words: Mapping[str, str]) -> str:
        assert found, "the entry has no such command"
        self._left.difference_update(_lines(found))
        return "\n".join(self._paste(script, words) for script in found)

    def _paste(self, script: str, words: Mapping[str, str]) -> str:
        """Run a block with these words instead of its placeholders (or of any other word)."""
        for word, value in words.items():
            script = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", lambda _, value=value: value, script)  # type: ignore[misc]
        assert not PLACEHOLDER.search(script), script
        if re.search(r"^jq ", script, re.MULTILINE) and shutil.which("jq") is None:
            pytest.skip("jq is not installed")
        ran: Ran = self._shell.run(script)
        for called, answer in ran.calls:
            assert answer.status == 0 or (answer.status == 1 and may_fail(called)), (called, answer)
        assert not re.search(r"command not found|syntax error|unbound|jq: error", ran.err), ran.err
        return ran.seen

    # ---- alarms

    @cached_property
    def view(self) -> StackView:
        """The stack, with names for the resources that only exist on AWS."""
        view = stack_view(self.world.examined, STACK_NAME, 0)
        names = {name: made_up_name(STACK_NAME, name) for name in RESOURCES if is_on_aws_only(name)}
        return replace(view, physical_ids={**names, "LakeDelivery": DELIVERY, **view.physical_ids})

    @property
    def alarms(self) -> LocalAlarms:
        return self.world.alarms

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

    def _observe(self, alarm: str | None) -> AlarmState:
        """The alarm's state, which counts for `assert_complete` if it is the entry's."""
        state = self.state(alarm)
        if state.is_alarm is not None and alarm in (None, self._entry.name):
            self._states.add(state.is_alarm)
        return state

    def assert_alarm(self, alarm: str | None = None) -> None:
        self.world.deployment.metrics.publish()
        state = self._observe(alarm)
        assert state.is_alarm, state

    def assert_ok(self, alarm: str | None = None) -> None:
        self.world.deployment.metrics.publish()
        state = self._observe(alarm)
        assert state.is_alarm is False, state

    def await_(self, holds: Callable[[], object], what: str) -> None:
        """Wait until this is true."""
        await_condition(holds, what, TIMEOUT_S)

    def await_ok(self, alarm: str | None = None) -> None:
        def is_ok() -> bool:
            self.world.deployment.metrics.publish()
            return self._observe(alarm).is_alarm is False

        self.await_(is_ok, f"{alarm} OK")

    def await_alarm(self, alarm: str | None = None) -> None:
        self.await_(lambda: self._observe(alarm).is_alarm, f"{alarm} in ALARM")

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


def may_fail(called: Sequence[str]) -> bool:
    """Whether this command may end with an error: it only describes something, which may be what is missing.

    Commands of `account-events` end with 1 if they find something.
    """
    program, *arguments = called
    return program == "account-events" or (program == "aws" and arguments[1].startswith(("describe-", "get-")))


def _lines(blocks: Sequence[str]) -> list[str]:
    """The commands in blocks of shell code."""
    return [line for block in blocks for line in re.sub(r" *\\\n *", " ", block).splitlines() if line.strip()]
