"""What a new terminal needs before the commands that the console shows."""

from pathlib import Path

import pytest

from local_stack import address
from ops.cli import local_subject
from ops.cli.local_subject import preparation

FOLDER = Path("/a project/.venv/bin")
PATH = """PATH='/a project/.venv/bin':"$PATH\""""


@pytest.mark.parametrize(
    ("environment", "found", "expected"),
    [
        ({}, "/usr/bin/account-events", ""),
        ({}, None, f"export {PATH}"),
        ({address.ADDRESS_VARIABLE: "a.json"}, None, f"export {PATH} ACCOUNT_EVENTS_LOCAL_STACK='/my stack/a.json'"),
        ({address.ADDRESS_VARIABLE: "a.json"}, "/x", "export ACCOUNT_EVENTS_LOCAL_STACK='/my stack/a.json'"),
    ],
)
def test_a_terminal_finds_the_commands_and_the_stack(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], found: str | None, expected: str
) -> None:
    monkeypatch.setattr(local_subject, "ADDRESS_FILE", Path("/my stack/a.json"))
    assert preparation(environment, FOLDER, found) == expected
