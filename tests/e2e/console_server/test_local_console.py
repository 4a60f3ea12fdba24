"""The console of a local stack: commands, events, accounts, charts, faults, and a stack that goes away."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from local_stack.faults.switch import FaultSwitch
from local_stack.local_deployment import LocalDeployment
from ops.cli.local_subject import local_subject
from ops.console.server import ConsoleServer
from ops.console.subject import SharedClients, Subject
from tests.e2e.console_server.browser import Page, Script, published
from tests.e2e.console_server.wire import Wire
from tests.support.console import SWAGGER_URL, running_console
from tests.support.terminal import account_events

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def server(deployment: LocalDeployment) -> Iterator[ConsoleServer]:
    with running_console(deployment, scripts_may_break=False) as server:
        yield server


@pytest.fixture
def script(server: ConsoleServer) -> Iterator[Script]:
    with Script(server) as script:
        yield script


def opened(client: Script | Page, owner: str = "owner-1") -> str:
    """A new account."""
    answer = client.post("/api/commands", json={"kind": "open", "owner": owner, "currency": "EUR"}).json()
    assert answer["status"] == 201, answer
    account_id: str = answer["body"]["accountId"]
    return account_id


def credited(client: Script | Page, account_id: str, *, key: str | None = None) -> dict[str, Any]:
    """The console's answer to a credit of 5.00."""
    command = {"kind": "credit", "account_id": account_id, "amount": "5.00", "idempotency_key": key}
    answer: dict[str, Any] = client.post("/api/commands", json=command).json()
    return answer


def settle(deployment: LocalDeployment, server: ConsoleServer) -> None:
    """Wait until every event is published, and the console has seen it."""
    assert deployment.wait_until_idle(PATIENCE_S)
    assert server.feed.wait_until_read(PATIENCE_S)


def events_of(events: Iterator[tuple[str, str, Any]], account_id: str, last: int) -> list[dict[str, Any]]:
    """The account's events, in the order in which they arrive, up to the event `last`."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["sequence"] < last:
        found += [each for each in published(events, 1) if each["account_id"] == account_id]
    return found


def test_a_command_is_carried_out_and_its_event_arrives(server: ConsoleServer) -> None:
    with Page(server) as page, Script(server) as script, script.events() as events:
        account_id = opened(page)
        answer = credited(page, account_id, key="key-1")
        assert (answer["status"], answer["body"]["balance"]) == (200, "5.00")
        created, credit = events_of(events, account_id, 2)
    assert (created["type"], created["fields"]["owner"], created["order"]) == ("AccountCreated", "owner-1", "first")
    assert (credit["type"], credit["fields"]["amount"], credit["order"]) == ("BalanceCredited", "5.00", "next")
    assert credit["fields"]["causation_id"] == "key-1"
    assert credit["fields"]["request_id"] == answer["request_id"]
    assert credit["occurred_at"] <= credit["arrived_at"][:19] + "Z"
    assert credit["lag"]["to_console_ms"] >= 0


def test_a_refused_command_shows_the_apis_reason(script: Script) -> None:
    command = {"kind": "withdraw", "account_id": opened(script), "amount": "5.00"}
    answer = script.post("/api/commands", json=command).json()
    assert (answer["status"], answer["body"]["code"]) == (422, "insufficient_funds")


def test_a_repeated_command_takes_effect_once(script: Script) -> None:
    account_id = opened(script)
    for _ in range(2):
        assert credited(script, account_id, key="once")["body"]["balance"] == "5.00"
    assert credited(script, account_id)["body"]["balance"] == "10.00"


def test_an_accounts_rows_are_shown_page_by_page(
    deployment: LocalDeployment, script: Script, server: ConsoleServer
) -> None:
    account_id = opened(script)
    for _ in range(11):
        credited(script, account_id)
    settle(deployment, server)
    found = script.get(f"/api/accounts/{account_id}").json()
    assert [each["version"] for each in found["rows"]] == list(range(13, 0, -1))
    assert [each["version"] for each in found["rows"] if each["is_read"]] == list(range(13, 3, -1))
    assert [each["version"] for each in found["rows"] if each["is_snapshot"]] == [10]
    assert [each["balance"] for each in found["steps"]] == ["40.00", "45.00", "50.00", "55.00"]
    assert found["read_model"] == {"sequence": 12, "balance": "55.00"}
    assert (found["parked"], found["waiting"], found["problem"]) == (None, None, "")
    older = script.get(f"/api/accounts/{account_id}?before=4").json()
    assert [each["version"] for each in older["rows"]] == [3, 2, 1]
    assert (older["steps"], older["newest_version"]) == (found["steps"], 13)


def test_accounts_are_listed_newest_first_and_found_by_their_id(
    deployment: LocalDeployment, script: Script, server: ConsoleServer
) -> None:
    first, second = opened(script, "o-1"), opened(script, "o-2")
    settle(deployment, server)
    credited(script, first)
    settle(deployment, server)
    assert [each["account_id"] for each in script.get("/api/accounts").json()["accounts"]][:2] == [first, second]
    [found] = script.get(f"/api/accounts?find={second[:20]}").json()["accounts"]
    assert (found["account_id"], found["owner"], found["balance"]) == (second, "o-2", "0.00")


def test_a_console_that_was_started_later_finds_accounts_and_their_owners(
    deployment: LocalDeployment, script: Script
) -> None:
    account_id = opened(script, "o-3")
    assert deployment.wait_until_idle(PATIENCE_S)
    with running_console(deployment) as later, Script(later) as other:
        assert other.get("/api/accounts").json() == {"accounts": []}
        [found] = other.get(f"/api/accounts?find={account_id}").json()["accounts"]
        assert (found["owner"], found["sequence"]) == ("o-3", 1)
        credited(other, account_id)
        settle(deployment, later)
        [known] = other.get("/api/accounts").json()["accounts"]
        assert (known["owner"], known["balance"]) == ("o-3", "5.00")


def test_the_status_shows_every_part_working(deployment: LocalDeployment, script: Script) -> None:
    assert deployment.wait_until_idle(PATIENCE_S)
    status = script.await_status(lambda status: not status["incomplete"])
    assert {each["name"]: each["state"] for each in status["hops"]} == dict.fromkeys(
        ("ledger", "projector", "stream", "read model", "lake"), "working"
    )
    assert {each["name"]: each["is_on"] for each in status["faults"]}["throttled-shard"] is False


def test_the_days_charts_are_drawn_from_the_lake(deployment: LocalDeployment, script: Script) -> None:
    account_id = opened(script)
    credited(script, account_id)
    assert deployment.wait_until_idle(PATIENCE_S)
    found = script.get("/api/charts").json()
    assert found["day"] == found["days"][0]
    assert "Busiest from" in found["charts"][0]["title"]
    assert all(each["svg"].startswith("<svg") and each["table"]["rows"] for each in found["charts"])


def test_the_switch_stops_and_starts_a_part(deployment: LocalDeployment, server: ConsoleServer, script: Script) -> None:
    with Page(server) as page, script.events() as events:
        account_id = opened(page)
        assert len(events_of(events, account_id, 1)) == 1
        fault = "/api/faults/stopped-projector-mapping"
        assert page.post(fault, json={"on": True}).json()["is_on"]
        try:
            credited(page, account_id)
            status = next(data for _, name, data in events if name == "status" and hop(data, "projector") == "stopped")
            [stopped] = [each for each in status["hops"] if each["name"] == "projector"]
            assert stopped["command"] == "account-events faults end stopped-projector-mapping"
            assert "Stopped projector" in stopped["detail"]
        finally:
            assert not page.post(fault, json={"on": False}).json()["is_on"]
        assert [each["sequence"] for each in events_of(events, account_id, 2)] == [2]
    assert deployment.wait_until_idle(PATIENCE_S)


def hop(status: dict[str, Any], name: str) -> str:
    """The state of a part."""
    [state] = [each["state"] for each in status["hops"] if each["name"] == name]
    return str(state)


def test_a_parked_account_is_shown_with_the_command_that_repairs_it(
    deployment: LocalDeployment, server: ConsoleServer, script: Script
) -> None:
    with Page(server) as page:
        account_id = opened(page)
        credited(page, account_id)
        assert deployment.wait_until_idle(PATIENCE_S)
        fault = "/api/faults/poison-row"
        assert page.post(fault, json={"on": True, "settings": {"account": account_id}}).json()["is_on"]
        try:
            status = script.await_status(lambda status: bool(status["parked"]))
            [parked] = status["parked"]
            assert (parked["account_id"], parked["first"]) == (account_id, 3)
            assert parked["command"] == f"account-events release {account_id}"
            assert hop(status, "projector") == "waiting"
            found = page.get(f"/api/accounts/{account_id}").json()
            assert found["parked"] == parked
            assert found["rows"][0]["problem"] == found["problem"] != ""
            assert [each["sequence"] for each in found["steps"]] == [1, 2]
            assert "projectorparks" in [
                each["runbook"] for each in script.await_status(lambda status: bool(status["alarms"]))["alarms"]
            ]
        finally:
            page.post(fault, json={"on": False})
            released = account_events(deployment.address, "release", account_id)
        assert released.returncode == 0, released.stderr
        script.await_status(lambda status: not status["parked"])


def test_scripts_may_break_the_stack_only_if_it_was_started_so(deployment: LocalDeployment, script: Script) -> None:
    refused = script.post("/api/faults/stopped-lake", json={"on": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "faults_off")
    assert "account-events up --faults" in refused.json()["advice"]
    assert script.get("/api/faults").json()["faults"]
    assert script.post("/api/faults", json={"on": False}).status_code == 200
    with running_console(deployment, scripts_may_break=True) as server, Script(server) as allowed:
        unknown = allowed.post("/api/faults/nothing", json={"on": True})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_fault")
        off = allowed.post("/api/faults/stopped-lake", json={"on": False})
        assert (off.status_code, off.json()["code"]) == (409, "fault_refused")


def test_with_tokens_commands_are_sent_by_the_owner(jwt_deployment: LocalDeployment) -> None:
    with running_console(jwt_deployment) as server, Page(server) as page:
        account_id = opened(page, "owner-9")
        assert credited(page, account_id)["body"]["balance"] == "5.00"
        [found] = page.get(f"/api/accounts?find={account_id}").json()["accounts"]
        assert found["owner"] == "owner-9"


def test_a_stack_that_goes_away_and_comes_back_loses_no_event(deployment: LocalDeployment, script: Script) -> None:
    """The console reaches the stack by a wire, which is cut while another console sends commands."""
    with Wire(deployment.emulator.port) as wire, FaultSwitch(deployment) as switch:
        subject = local_subject(deployment, switch, SWAGGER_URL, scripts_may_break=False)
        address = replace(deployment.address, endpoint_url=f"http://127.0.0.1:{wire.port}")
        seen_by_wire = Subject(SharedClients.local(address), subject.name, subject.local)
        with ConsoleServer(seen_by_wire) as server, Script(server) as watching, watching.events() as events:
            account_id = opened(script)
            assert len(events_of(events, account_id, 1)) == 1
            wire.is_cut = True
            gone = next(data for _, name, data in events if name == "status" and not data["is_reachable"])
            assert gone["reason"]
            assert "make up" in gone["advice"]
            assert {each["state"] for each in gone["hops"]} == {"unknown"}
            unsent = watching.post("/api/commands", json={"kind": "credit", "account_id": account_id, "amount": "1"})
            assert (unsent.status_code, unsent.json()["code"]) == (502, "unreachable")
            assert watching.get(f"/api/accounts/{account_id}").json()["code"] == "unreachable"
            for _ in range(3):
                credited(script, account_id)
            assert deployment.wait_until_idle(PATIENCE_S)
            wire.is_cut = False
            assert [each["sequence"] for each in events_of(events, account_id, 4)] == [2, 3, 4]
            assert next(data for _, name, data in events if name == "status" and data["is_reachable"])
