"""`faults` against a switch whose effects are recorded instead of carried out."""

import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from typer.testing import CliRunner, Result

from local_stack.address import Address
from local_stack.errors import CommandError
from local_stack.faults.catalogue import FAULTS
from local_stack.faults.requests import answer
from ops.cli import faults
from ops.cli.app import app
from tests.unit.faults.given import Given

ADDRESS = Address("http://127.0.0.1:1", 1, {}, None, None, "http://127.0.0.1:2/", "secret", faults=True)
Run = Callable[..., Result]


@pytest.fixture
def given() -> Given:
    return Given()


@pytest.fixture
def run(given: Given, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; its server answers as the console does."""

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        status, found = answer(given.switch, request.method, request.url.path, request.content)
        return httpx.Response(status, json=found)

    return runner(monkeypatch, ADDRESS, respond)


def runner(
    monkeypatch: pytest.MonkeyPatch, address: Address, respond: Callable[[httpx.Request], httpx.Response]
) -> Run:
    monkeypatch.setattr(Address, "find", lambda: address)
    monkeypatch.setattr(
        faults, "loopback_http", lambda url: httpx.Client(base_url=url, transport=httpx.MockTransport(respond))
    )
    return lambda *arguments: CliRunner().invoke(app, ["faults", *arguments], env={"COLUMNS": "200"})


def test_the_list_names_every_fault_and_its_state(run: Run, given: Given) -> None:
    given.switch.begin("stopped-lake")
    given.switch.begin("killed-projector")
    done = run()
    assert done.exit_code == 0, done.output
    words = [line.split() for line in done.output.splitlines()]
    assert {line[0]: line[1] for line in words if line and line[0] in FAULTS} == {
        **{name: "never" if each.is_momentary else "off" for name, each in FAULTS.items()},
        "stopped-lake": "on",
        "killed-projector": "happened",
    }
    assert "account-events release --failures" in done.output


def test_the_list_can_be_printed_as_json(run: Run) -> None:
    found = json.loads(run("--json").output)
    assert [each["name"] for each in found["faults"]] == list(FAULTS)


def test_a_fault_begins_with_the_settings_of_its_options(run: Run, given: Given) -> None:
    done = run("begin", "refused-entries", "--share", "0.5", "--seed", "7")
    assert done.exit_code == 0, done.output
    assert given.effects["refused-entries"].calls == [{"share": "0.5", "seed": "7"}]
    assert "share 0.5, seed 7" in done.output
    assert FAULTS["refused-entries"].watch in done.output
    assert "account-events faults end refused-entries" in done.output


def test_the_end_prints_the_command_that_repairs_the_damage(run: Run, given: Given) -> None:
    given.effects["poison-row"].chosen = {"account": "a-1"}
    assert "After its end, repair what it broke with: account-events release a-1" in run("begin", "poison-row").output
    done = run("end", "poison-row")
    assert done.exit_code == 0
    assert "Repair what it broke with: account-events release a-1" in done.output


def test_all_faults_can_be_ended_at_once(run: Run, given: Given) -> None:
    for name in ("stopped-lake", "lost-answers"):
        given.switch.begin(name)
    done = run("end", "--all")
    assert done.exit_code == 0
    assert "2 faults ended" in done.output
    assert not any(state.is_on for state in given.switch.states())


def test_a_fault_that_could_not_be_ended_is_an_error(run: Run, given: Given) -> None:
    given.switch.begin("stopped-lake")
    given.effects["stopped-lake"].error = CommandError("It does not stop.")
    done = run("end", "--all")
    assert isinstance(done.exception, CommandError)
    assert "Still on: stopped-lake" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("begin", "earthquake"), "no fault 'earthquake'"),
        (("begin", "../stack"), "refuses the request|There is no such page|no fault"),
        (("begin", "refused-entries", "--share", "0"), "more than 0"),
        (("begin", "stopped-lake", "--account", "a-1"), "has no setting 'account'"),
        (("end", "stopped-lake"), "is off"),
        (("end", "killed-projector"), "cannot be ended"),
    ],
)
def test_a_refusal_is_printed_with_what_to_do(run: Run, arguments: tuple[str, ...], expected: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert isinstance(done.exception, CommandError)
    with pytest.raises(CommandError, match=expected):
        raise done.exception


@pytest.mark.parametrize(
    "arguments",
    [
        ("begin",),
        ("begin", "refused-entries", "--share", "1.5"),
        ("begin", "refused-entries", "--seed", "-1"),
        ("end",),
        ("end", "stopped-lake", "--all"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("address", [replace(ADDRESS, faults=False), replace(ADDRESS, console_url=None)])
def test_a_stack_that_accepts_no_faults_is_asked_nothing(monkeypatch: pytest.MonkeyPatch, address: Address) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        pytest.fail(f"{request.url} was requested")

    for arguments in ((), ("begin", "stopped-lake"), ("end", "--all")):
        done = runner(monkeypatch, address, respond)(*arguments)
        assert isinstance(done.exception, CommandError)
        assert "account-events up --faults" in str(done.exception)


def test_a_stack_that_has_stopped_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    done = runner(monkeypatch, ADDRESS, respond)()
    assert isinstance(done.exception, CommandError)
    assert "does not answer: ConnectError" in str(done.exception)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"code": "x"}', b"<html>"])
def test_an_answer_that_is_not_the_consoles_is_reported(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    done = runner(monkeypatch, ADDRESS, lambda _request: httpx.Response(403, content=body))("begin", "stopped-lake")
    assert isinstance(done.exception, CommandError)
    assert "status 403" in str(done.exception)
