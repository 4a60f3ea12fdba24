"""The command `console`: of a stack on AWS, and of the running local stack."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from typer.testing import CliRunner

from local_stack import address
from local_stack.address import Address
from ops.cli import console
from ops.cli.app import app
from ops.doctor import run
from tests.support.aws_stack import TEMPLATE, AwsStack

Command = Callable[..., Any]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command. Until it is interrupted, `while_it_serves` is called with what it has printed."""
    stack = AwsStack(tmp_path)
    monkeypatch.setattr(boto3, "client", stack.client)
    monkeypatch.setattr(run, "read_template", TEMPLATE)
    monkeypatch.setattr(address, "ADDRESS_FILE", tmp_path / "address.json")
    monkeypatch.setattr(address, "answers", lambda _url: True)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")

    def invoked(*arguments: str, while_it_serves: Callable[[], None] = lambda: None) -> Any:  # noqa: ANN401 -- click's
        def interrupted() -> None:
            while_it_serves()
            raise KeyboardInterrupt

        monkeypatch.setattr(console, "_wait_for_ctrl_c", interrupted)
        return CliRunner().invoke(app, ["console", *arguments])

    return invoked


def test_a_console_of_a_deployed_stack_is_served_until_ctrl_c(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def in_browser(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", in_browser)
    found: list[Any] = []
    again: list[int] = []

    def look() -> None:
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            browser.get(opened[0])
            found.append(browser.get(httpx.URL(opened[0]).join("/api/stack")).json())
        again.append(httpx.get(opened[0], trust_env=False).status_code)

    done = command("--stack", "bank", "--open", while_it_serves=look)
    assert done.exit_code == 0, done.exception
    printed = done.stdout.strip()
    assert printed.partition("?")[0] == opened[0].partition("?")[0]
    # Everybody on the machine sees the arguments of the browser's process, so its address opens the page only once.
    assert (printed != opened[0], again) == (True, [401])
    assert "read-only; press Ctrl-C to stop" in done.stderr
    assert (found[0]["name"], found[0]["can_send"]) == ("bank", False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(opened[0], trust_env=False)


def test_without_a_browser_the_address_is_to_be_opened_by_hand(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _url: False)
    done = command("--stack", "bank", "--open")
    assert done.exit_code == 0
    assert "Open the address yourself" in done.stderr


def test_the_address_of_the_local_console_is_printed(command: Command) -> None:
    local = Address("http://127.0.0.1:1", 1, {}, None, None, "http://127.0.0.1:2/", "secret")
    address.ADDRESS_FILE.write_text(json.dumps(asdict(local)))
    done = command()
    assert (done.exit_code, done.stdout.strip()) == (0, "http://127.0.0.1:2/?token=secret")


def test_a_local_stack_without_a_console_is_started_again(command: Command) -> None:
    address.ADDRESS_FILE.write_text(json.dumps(asdict(Address("http://127.0.0.1:1", 1, {}, None, None))))
    done = command()
    assert done.exit_code == 1
    assert "Start it again with `make up`" in str(done.exception)


def test_without_a_local_stack_the_command_names_how_to_start_one(command: Command) -> None:
    done = command()
    assert done.exit_code == 1
    assert "make up" in str(done.exception)


def test_a_port_needs_a_deployed_stack(command: Command) -> None:
    done = command("--port", "8000")
    assert done.exit_code == 2
    assert "--port needs --stack" in done.stderr
