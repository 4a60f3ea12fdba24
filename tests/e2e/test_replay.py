"""A replay of the whole table to a stream or a file, killed while it runs, and resumed."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from account_core.domain.events import EventRow
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import decode
from local_stack.local_deployment import LocalDeployment
from ops.replay.file_format import events_in
from projector.outgoing import outgoing
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api
from tests.support.terminal import COMMAND, Open, Terminal
from tests.support.waiting import await_condition

NEW_STREAM = "new-stream"
ACCOUNTS, CREDITS = 6, 13
TIMEOUT_S = 60.0
# About sixty pages of four rows, at least one read unit each, so that the test kills it long before it ends.
SLOWLY = ("--segments", "2", "--page-rows", "4", "--read-units-max", "8")


@pytest.fixture(scope="module")
def module_deployment() -> Iterator[LocalDeployment]:
    """A local stack whose accounts each have a snapshot. All events are on the live stream."""
    with LocalDeployment(parameters={"Buckets": "4"}) as deployment:
        with Api(deployment) as api:
            for _ in range(ACCOUNTS):
                account_id = api.open_account("100.00")
                for _ in range(CREDITS):
                    assert api.command(account_id, "withdraw", "1.50").status_code == 200
        assert deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S), deployment.mapping.status()
        deployment.address.client("kinesis").create_stream(StreamName=NEW_STREAM, ShardCount=2)
        yield deployment


@pytest.fixture
def open_terminal(module_deployment: LocalDeployment, tmp_path: Path) -> Iterator[Open]:
    address = tmp_path / "address.json"
    address.write_text(json.dumps(asdict(module_deployment.address)))
    opened: list[Terminal] = []

    def open_terminal(*arguments: str) -> Terminal:
        opened.append(Terminal("replay", *arguments, ACCOUNT_EVENTS_LOCAL_STACK=str(address)))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def on_stream(module_deployment: LocalDeployment, name: str) -> dict[str, list[bytes]]:
    """Return the bytes of every event on the stream, by account, in the stream's order."""
    kinesis = module_deployment.address.client("kinesis")
    found: dict[str, list[bytes]] = {}
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        position = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**position)["ShardIterator"]
        while records := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
            for record in records:
                for data in unpack(record["Data"]):
                    found.setdefault(decode(data).fields["account_id"], []).append(data)
            iterator = answer["NextShardIterator"]
    return found


def ledger(module_deployment: LocalDeployment) -> dict[str, list[bytes]]:
    """Return the bytes of the table's rows as events, by account."""
    found: dict[str, list[bytes]] = {}
    rows = [row for row in module_deployment.rows() if isinstance(row, EventRow)]
    for row in sorted(rows, key=lambda row: row.sequence):
        found.setdefault(row.account_id, []).append(outgoing(row, 0).data)
    return found


def assert_in_order(events: list[bytes]) -> None:
    """There are no gaps, and duplicates only repeat earlier events."""
    expected = 1
    for data in events:
        sequence: Any = decode(data).fields["sequence"]
        assert sequence <= expected
        expected = max(expected, sequence + 1)


def wait_until(condition: Callable[[], bool]) -> None:
    await_condition(condition, "the condition of the test", TIMEOUT_S)


def test_a_replay_to_a_stream_is_complete_after_being_killed(
    module_deployment: LocalDeployment, open_terminal: Open, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    call = ("--all", "--to-stream", NEW_STREAM, "--checkpoint", str(checkpoint), *SLOWLY)
    expected = ledger(module_deployment)
    assert sum(map(len, expected.values())) == ACCOUNTS * (CREDITS + 2)
    for number in (1, 2):
        terminal = open_terminal(*call, *(["--resume"] if number > 1 else []))
        wait_until(lambda: _events_at(checkpoint) > 20 * number)  # noqa: B023 -- called at once
        os.kill(terminal.process.pid, signal.SIGKILL)
        assert terminal.end() == -signal.SIGKILL
    halfway = on_stream(module_deployment, NEW_STREAM)
    assert 0 < len({data for events in halfway.values() for data in events}) < ACCOUNTS * (CREDITS + 2)

    terminal = open_terminal(*call)
    assert terminal.end() == 1
    assert "continue it with --resume" in terminal.output
    terminal = open_terminal(*call, "--resume")
    assert terminal.end() == 0, terminal.output
    assert f"{ACCOUNTS} accounts" in terminal.output
    assert not checkpoint.exists()

    replayed = on_stream(module_deployment, NEW_STREAM)
    for account_id, events in replayed.items():
        assert_in_order(events)
        replayed[account_id] = list(dict.fromkeys(events))
    assert replayed == expected
    assert {
        account_id: list(dict.fromkeys(events)) for account_id, events in _live(module_deployment).items()
    } == replayed


def test_a_replay_to_a_file_that_is_resumed_has_every_event_once(
    module_deployment: LocalDeployment, open_terminal: Open, tmp_path: Path
) -> None:
    """A replay by Query reads no row twice, so no event is repeated."""
    path = tmp_path / "events.jsonl"
    expected = ledger(module_deployment)
    call = [part for account_id in expected for part in ("--account", account_id)]
    call += ["--to-file", str(path), *SLOWLY]
    terminal = open_terminal(*call)
    wait_until(lambda: _events_at(tmp_path / "events.jsonl.checkpoint.json") > 20)
    os.kill(terminal.process.pid, signal.SIGKILL)
    terminal.end()
    with path.open("ab") as file:
        file.write(b'{"half')
    terminal = open_terminal(*call, "--resume")
    assert terminal.end() == 0, terminal.output
    found: dict[str, list[bytes]] = {}
    with path.open("rb") as file:
        for data in events_in(file, "jsonl"):
            found.setdefault(str(decode(data).fields["account_id"]), []).append(data)
    assert found == expected


def test_ctrl_c_prints_how_to_resume(open_terminal: Open, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    call = ("--all", "--to-file", str(path), *SLOWLY)
    terminal = open_terminal(*call)
    wait_until(lambda: _events_at(tmp_path / "events.jsonl.checkpoint.json") > 0)
    assert terminal.end(signal.SIGINT) == 130
    assert "interrupted: repeat the same command with --resume" in terminal.output
    assert "Traceback" not in terminal.output


def test_a_closed_standard_output_is_reported(module_deployment: LocalDeployment, tmp_path: Path) -> None:
    """Commands such as `head` close it early."""
    address = tmp_path / "address.json"
    address.write_text(json.dumps(asdict(module_deployment.address)))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(  # noqa: S603 -- our own command
            [COMMAND, "replay", "--all", "--to-stdout"],
            stdout=writer,
            stderr=subprocess.PIPE,
            env={**os.environ, "ACCOUNT_EVENTS_LOCAL_STACK": str(address)},
            timeout=TIMEOUT_S,
            check=False,
        )
    finally:
        os.close(writer)
    assert ended.returncode == 1
    output = ended.stderr.decode()
    assert "Standard output was closed before all events were written" in output
    assert "Traceback" not in output
    assert "Exception ignored" not in output


def test_the_live_stream_is_refused(module_deployment: LocalDeployment, open_terminal: Open) -> None:
    before = _live(module_deployment)
    terminal = open_terminal("--all", "--to-stream", module_deployment.address.outputs["EventStreamName"])
    assert terminal.end() == 1
    assert "--live" in terminal.output
    assert _live(module_deployment) == before


def _live(module_deployment: LocalDeployment) -> dict[str, list[bytes]]:
    return on_stream(module_deployment, module_deployment.address.outputs["EventStreamName"])


def _events_at(checkpoint: Path) -> int:
    try:
        events: int = json.loads(checkpoint.read_bytes())["counts"]["events"]
    except FileNotFoundError:
        return 0
    return events
