"""The entry point of the command line: imports, help texts, and exit codes."""

import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from botocore.exceptions import EndpointConnectionError
from typer.testing import CliRunner

import account_events
from local_stack.errors import CommandError
from ops.cli.__main__ import PROGRAM, SINGLE_COMMANDS, main
from ops.cli.app import app
from ops.cli.exit_handling import LOGGERS, run_and_exit
from ops.lake.query.engine import QueryFailed

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def restored_process() -> Iterator[None]:
    """Restores what an entry point changes in its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    argv = sys.argv
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    sys.argv = argv


def test_frequent_commands_import_only_their_module() -> None:
    assert {"query", "reconcile", "replay", "report"} <= SINGLE_COMMANDS.keys()


@pytest.mark.parametrize("command", SINGLE_COMMANDS)
def test_a_command_imported_alone_has_the_same_help(
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


def test_ctrl_c_during_imports_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
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
        (CommandError("No local stack is running: [start] one."), "✗ No local stack is running: [start] one.\n"),
        (QueryFailed("no such column"), "✗ no such column\n"),
        (
            EndpointConnectionError(endpoint_url="e"),
            (
                '✗ EndpointConnectionError: Could not connect to the endpoint URL: "e". '
                "Check the network, the AWS region and any proxy settings, then run the command again.\n"
            ),
        ),
        (PermissionError("no"), "✗ PermissionError: no\n"),
    ],
)
def test_an_error_is_printed_as_one_line(error: Exception, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    failing = typer.Typer()

    @failing.command()
    def fail() -> None:
        raise error

    assert _code_of(failing, []) == 1
    assert capsys.readouterr().err == line


def test_a_command_that_fails_prints_no_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    packages = ("account_events", "account_core", "projector", "consumers", "local_stack", "ops")
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        if "getLogger(__name__)" in path.read_text(encoding="utf-8")
    ]
    assert {"account_events.streams.reader", "local_stack.poll_loop"} <= set(names)
    failing = typer.Typer()

    @failing.command()
    def fail() -> None:
        for name in names:
            logging.getLogger(name).error("%s failed", name)
        raise CommandError("No answer.")

    stderr = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(stderr)
    try:
        assert _code_of(failing, []) == 1
    finally:
        logging.getLogger().removeHandler(stderr)
    assert capsys.readouterr().err == "✗ No answer.\n"


def test_usage_errors_and_interruptions_have_their_exit_codes() -> None:
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


def test_the_version_is_that_of_the_package() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"{account_events.__version__}\n")
