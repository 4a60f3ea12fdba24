"""What the tests of faults see of a local stack, and the commands that they run."""

import shlex
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from local_stack.alarms.local_alarms import AlarmState, LocalAlarms
from local_stack.event_stream import EventStreamReader
from local_stack.faults.interferences import shard_of
from ops.cli.app import app
from tests.e2e.doctor_world import World
from tests.support.waiting import await_condition

TIMEOUT_S = 90.0


def await_(holds: Callable[[], object], what: str) -> None:
    await_condition(holds, what, TIMEOUT_S)


def succeed(command: str) -> str:
    """Run a command that must succeed, and return what it prints."""
    done = CliRunner().invoke(app, shlex.split(command), env={"COLUMNS": "300"})
    assert done.exit_code == 0, (command, done.output, done.exception)
    return done.output


def repair(commands: str) -> str:
    program, _, command = commands.partition(" ")
    assert program == "account-events"
    return succeed(command)


def published(world: World, account_id: str) -> list[int]:
    """The account's sequences on the stream, without repetitions, which a new projector makes."""
    return list(dict.fromkeys(arrived(world, account_id)))


def arrived(world: World, account_id: str) -> list[int]:
    """The account's sequences on the stream, in order, with repetitions."""
    reader = EventStreamReader(world.client("kinesis"), world.outputs["EventStreamName"])
    found = []
    while events := list(reader.poll()):
        found += [each.event.fields["sequence"] for each in events if each.event.fields["account_id"] == account_id]
    return found


def on_each_shard(world: World) -> tuple[str, str]:
    """Two accounts with events on different shards."""
    shards = world.client("kinesis").list_shards(StreamName=world.outputs["EventStreamName"])["Shards"]

    def shard(account_id: str) -> str:
        found: str = shard_of(account_id, int(world.outputs["Buckets"]), shards)["ShardId"]
        return found

    first = second = world.api.open_account("10.00")
    while shard(first) == shard(second):
        second = world.api.open_account("10.00")
    world.settle()
    return first, second


def await_alarm(world: World, local_alarms: LocalAlarms, name: str, since_s: float) -> AlarmState:
    """Wait until an alarm fires, given the data since this time."""

    def states() -> dict[str, AlarmState]:
        world.deployment.metrics.publish()
        return {state.name: state for state in local_alarms.evaluate(since_s)}

    await_(lambda: states()[name].is_alarm, f"{name} in ALARM")
    return states()[name]


def listed(world: World, account_id: str) -> str:
    """The account's balance in the list of its owner's accounts."""
    page = "/owners/owner-1/accounts"
    while page:
        answer = world.api.get(page).json()
        for each in answer["accounts"]:
            if each["accountId"] == account_id:
                return str(each["balance"])
        page = answer["next"]
    pytest.fail(f"{account_id} is not listed")
