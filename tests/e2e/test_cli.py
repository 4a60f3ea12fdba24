"""The commands in a terminal: their output, their exit codes, and the processes and files that they leave behind."""

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local_stack.emulator import reserved_port
from tests.support.terminal import Open, Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, **environment: str) -> Terminal:
        opened.append(Terminal(*arguments, ACCOUNT_EVENTS_LOCAL_STACK=str(tmp_path / "address.json"), **environment))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


@pytest.fixture
def port() -> Iterator[int]:
    """Reserve a port for an emulator."""
    with reserved_port() as port:
        yield port


def emulators(port: int) -> list[int]:
    """Return the processes of the emulator at `port`, which they have in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"GATEWAY_PORT={port}\0" in (process / "environ").read_text(errors="replace"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _await_exit(process: int) -> None:
    """Wait until a process that is not our child has exited."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], 30.0)
        assert ready, f"process {process} is still there"
    finally:
        os.close(handle)


def assert_no_emulator_is_left(port: int) -> None:
    """Wait until the emulator and its workers have exited; after SIGKILL the system may need a moment."""
    for process in emulators(port):
        _await_exit(process)
    assert emulators(port) == []


@pytest.fixture
def aws_settings(tmp_path: Path) -> dict[str, str]:
    """AWS settings that no command may use: they are invalid or point to a closed port."""
    settings = tmp_path / "config"
    settings.write_text("[default\nbroken")
    return {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(settings),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }


@pytest.mark.parametrize("auth", ["iam", "jwt"])
def test_the_demo_finds_that_table_and_stream_agree(
    terminal: Open, port: int, aws_settings: dict[str, str], auth: str
) -> None:
    """With IAM, the environment also contains AWS settings, which the demo must not use."""
    demo = terminal("demo", "--port", str(port), "--auth", auth, **(aws_settings if auth == "iam" else {}))
    assert demo.end() == 0, demo.output
    assert "agree" in demo.output
    assert re.search(r"accounts opened +4", demo.output)
    assert re.search(r"refused by the domain \(422\) +[1-9]", demo.output)
    assert re.search(r"forced version conflicts, resolved +1", demo.output)
    assert re.search(r"of which transfers +[1-8]\b", demo.output), demo.output
    assert re.search(r" 21\.00 +36 +3 +1\.\.33", demo.output), demo.output
    assert_no_emulator_is_left(port)


ATTEMPTS_MAX = 5
PRINTED = r"(?m)^  (\w+=.*|curl .*)$"


def pasted(output: str) -> str:
    """Run the printed commands in a shell and return their output."""
    shell = shutil.which("sh")
    assert shell
    commands = "\n".join(re.findall(PRINTED, output))
    done = subprocess.run([shell, "-eu"], input=commands, capture_output=True, text=True, check=True)  # noqa: S603 -- ours
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed commands are curl's")
@pytest.mark.parametrize(("auth", "answers"), [("iam", 6), ("jwt", 8)])
def test_the_commands_that_up_prints_work_while_tail_follows(
    terminal: Open, port: int, tmp_path: Path, auth: str, answers: int
) -> None:
    up = terminal("up", "--port", str(port), "--auth", auth)
    up.wait_for("Ctrl-C stops")
    tail = terminal("tail")
    tail.wait_for("following")
    printed = [json.loads(line) for line in pasted(up.output).splitlines()]
    assert len(printed) == answers
    assert [each["balance"] for each in printed[:5]] == ["0.00", "100.00", "60.00", "55.00", "55.00"]
    assert printed[5]["next"] is None
    assert len(printed[5]["accounts"]) <= 2, "the owner has two accounts, which the read model may not have yet"
    assert [each.get("code") for each in printed[6:]] == [None, "account_not_found"][: answers - 6]
    account_id = printed[0]["accountId"]
    tail.wait_for(rf"AccountCreated +{account_id} #1 .*currency=EUR")
    tail.wait_for(rf"BalanceCredited +{account_id} #2 .*amount=100\.00 .*balance=100\.00")
    tail.wait_for(rf"BalanceWithdrawn +{account_id} #3 .*amount=40\.00 .*balance=60\.00")
    transfer = rf"transfer_id={printed[3]['transferId']}"
    tail.wait_for(rf"BalanceWithdrawn +{account_id} #4 .*{transfer} .*counterparty_account_id=\S+")
    tail.wait_for(rf"BalanceCredited +\S+ #2 .*amount=5\.00 .*{transfer} .*counterparty_account_id={account_id}")
    check = terminal("check")
    assert check.end() == 0, check.output
    assert re.search(r"2 accounts, 6 rows: 0 accounts with findings", check.output)
    [page] = re.findall(r"In a browser: (\S+)", up.output)
    document = httpx.get(f"{page}openapi.json", trust_env=False).json()
    assert document["openapi"].startswith("3.1")
    [console] = re.findall(r"(?m)^  (http://127\.0\.0\.1:\d+/\?token=\S+)$", up.output)
    shown = terminal("console")
    assert (shown.end(), shown.output.strip()) == (0, console)
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        assert "Account Events" in browser.get(console).text
        assert browser.get(httpx.URL(console).join("/api/stack")).json()["swagger_url"] == page
    second = terminal("up")
    assert second.end() == 1
    assert "already running" in second.output
    assert tail.end(signal.SIGINT) == 0
    assert len(emulators(port)) >= 3, "expected the emulator and two functions"
    assert up.end(signal.SIGINT) == 0
    assert "Traceback" not in up.output + tail.output
    assert_no_emulator_is_left(port)
    assert not (tmp_path / "address.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_stop_signals_leave_no_process_behind(terminal: Open, port: int, number: int) -> None:
    up = terminal("up", "--port", str(port))
    up.wait_for("deploying")
    assert up.end(number) == 130
    assert "Traceback" not in up.output
    assert_no_emulator_is_left(port)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_command_leaves_no_emulator_and_no_stack(terminal: Open, port: int) -> None:
    up = terminal("up", "--port", str(port))
    up.wait_for("Ctrl-C stops")
    leftover = emulators(port)
    os.kill(up.process.pid, signal.SIGKILL)
    for process in leftover:
        _await_exit(process)
    tail = terminal("tail")
    assert tail.end() == 1
    assert "make up" in tail.output


def test_a_port_in_use_is_reported_in_one_line(terminal: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = terminal("up", "--port", str(taken.getsockname()[1]))
        assert up.end() == 1
    assert "is in use" in up.output
    assert "Traceback" not in up.output


def test_a_crashed_emulator_is_reported_in_one_line(terminal: Open, port: int) -> None:
    up = terminal("up", "--port", str(port))
    up.wait_for("Ctrl-C stops")
    os.kill(min(emulators(port)), signal.SIGKILL)
    assert up.end() == 1
    assert "crashed" in up.output
    assert "Traceback" not in up.output
    assert_no_emulator_is_left(port)


@pytest.mark.parametrize("phase", ["deploying", "opening", "at a time", "waiting for the projector"])
def test_an_emulator_that_crashes_during_the_demo_is_reported(terminal: Open, port: int, phase: str) -> None:
    for _ in range(ATTEMPTS_MAX):
        demo = terminal("demo", "--port", str(port))
        demo.wait_for(phase)
        os.kill(min(emulators(port)), signal.SIGKILL)
        if demo.end() == 1:
            break  # on a busy machine the last phase may be over when its line is read
    else:
        pytest.fail("the demo was never caught in this phase")
    assert "crashed" in demo.output
    assert "Traceback" not in demo.output
    assert_no_emulator_is_left(port)


def test_a_second_ctrl_c_leaves_nothing_behind(terminal: Open, port: int, tmp_path: Path) -> None:
    up = terminal("up", "--port", str(port), TMPDIR=str(tmp_path))
    up.wait_for("Ctrl-C stops")
    os.kill(min(emulators(port)), signal.SIGSTOP)  # a slow emulator
    up.process.send_signal(signal.SIGINT)
    up.wait_for("stopping")
    for _ in range(3):
        up.process.send_signal(signal.SIGINT)
    up.end()
    assert_no_emulator_is_left(port)
    assert list(tmp_path.glob("account-events-*")) == []
    assert "Traceback" not in up.output


def test_tail_without_a_local_stack_prints_how_to_start_one(terminal: Open) -> None:
    tail = terminal("tail")
    assert tail.end() == 1
    assert "make up" in tail.output
    assert "Traceback" not in tail.output
