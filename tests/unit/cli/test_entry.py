"""The command line as it starts, and how it ends."""

import logging
import signal
import sys
from collections.abc import Iterator

import pytest
import typer
from botocore.exceptions import EndpointConnectionError
from typer.testing import CliRunner

from local_stack.errors import CommandError
from ops.cli.__main__ import PROGRAM, SINGLE_COMMANDS, main
from ops.cli.app import app
from ops.cli.exit_handling import LOGGERS, run_and_exit
from ops.lake.query.engine import QueryFailed


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """What an entry point changes of its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    argv = sys.argv
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    sys.argv = argv


def test_what_analysts_call_again_and_again_starts_alone() -> None:
    assert {"query", "reconcile", "replay", "report"} <= SINGLE_COMMANDS.keys()


@pytest.mark.parametrize("command", SINGLE_COMMANDS)
def test_alone_a_command_is_what_it_is_among_all(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "argv", [PROGRAM, command, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    among_all = CliRunner().invoke(app, [command, "--help"], prog_name=PROGRAM, terminal_width=100)
    assert f"Usage: {PROGRAM} {command}" in among_all.output
    assert capsys.readouterr().out.split() == among_all.output.split()


def test_ctrl_c_while_it_imports_ends_it_as_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_module: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.cli.__main__.import_module", pressed)
    for command in ("query", "demo"):
        monkeypatch.setattr(sys, "argv", [PROGRAM, command])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 130


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (CommandError("No house is running: [start] one."), "✗ No house is running: [start] one.\n"),
        (QueryFailed("of no use"), "✗ of no use\n"),
        (
            EndpointConnectionError(endpoint_url="e"),
            (
                '✗ EndpointConnectionError: Could not connect to the endpoint URL: "e". '
                "Check the network, the AWS region and any proxy settings, then run it again.\n"
            ),
        ),
        (PermissionError("no"), "✗ PermissionError: no\n"),
    ],
)
def test_what_fails_is_told_in_a_line(error: Exception, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    failing = typer.Typer()

    @failing.command()
    def fail() -> None:
        raise error

    assert _code_of(failing, []) == 1
    assert capsys.readouterr().err == line


def test_a_wrong_call_and_an_interruption_have_their_codes() -> None:
    interrupted = typer.Typer()

    @interrupted.command()
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert _code_of(interrupted, []) == 130
    assert _code_of(interrupted, ["--unknown"]) == 2


def _code_of(commands: typer.Typer, arguments: list[str]) -> object:
    sys.argv = [PROGRAM, *arguments]
    with pytest.raises(SystemExit) as ended:
        run_and_exit(commands, PROGRAM)
    return ended.value.code
