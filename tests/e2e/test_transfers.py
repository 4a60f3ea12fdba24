"""Transfers on the local stack: from the request to every view of both accounts."""

import json
import uuid
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

import local_stack.address
from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from ops.console.commands import Command, send
from ops.demo.demo import read_published
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, assert_no_findings, audited

SETTLED_BALANCES = {"payer": "95.00", "receiver": "5.00"}


def opened(api: httpx.Client, owner: str, balance: str | None = None, currency: str = "EUR") -> str:
    account_id: str = api.post("/accounts", json={"owner": owner, "currency": currency}).json()["accountId"]
    if balance is not None:
        assert api.post(f"/accounts/{account_id}/credit", json={"amount": balance}).status_code == 200
    return account_id


def transferred(api: httpx.Client, payer: str, receiver: str, amount: str, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(f"/accounts/{payer}/transfer", json={"to": receiver, "amount": amount}, headers=names)


def events_of(api: httpx.Client, account_id: str) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = api.get(f"/accounts/{account_id}/events").json()["events"]
    return found


def test_a_transfer_reaches_every_view_of_both_accounts(deployment: LocalDeployment) -> None:
    owners = {"payer": f"payer-{uuid.uuid4()}", "receiver": f"receiver-{uuid.uuid4()}"}
    ids = {"X_Request_Id": f"r-{uuid.uuid4()}", "X_Correlation_Id": f"c-{uuid.uuid4()}", "Idempotency_Key": "k-1"}
    with deployment.address.http() as api:
        payer, receiver = opened(api, owners["payer"], "100.00"), opened(api, owners["receiver"])
        answer = transferred(api, payer, receiver, "5.00", **ids)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["balance"], answer.json()["sequence"]) == ("95.00", 3)
        transfer_id = answer.json()["transferId"]
        assert transferred(api, payer, receiver, "5.0", **ids).json() == answer.json()
        assert deployment.wait_until_idle(IDLE_TIMEOUT_S)
        paid, received = events_of(api, payer)[-1], events_of(api, receiver)[-1]
        listed = {name: api.get(f"/owners/{owner}/accounts").json()["accounts"] for name, owner in owners.items()}
    assert paid["occurredAt"] == received["occurredAt"]
    assert (received["correlationId"], received["requestId"], received["idempotencyKey"]) == (transfer_id, None, None)
    assert (paid["correlationId"], paid["idempotencyKey"]) == (ids["X_Correlation_Id"], "k-1")
    assert {name: each["balance"] for name, [each] in listed.items()} == SETTLED_BALANCES
    audits = audited(deployment, payer, receiver)
    assert_no_findings(audits)
    lake = Lake.of(Deployment.local(deployment.address)).duckdb()
    found = lake.query(
        "SELECT account_id, event_type, amount, counterparty_account_id FROM events WHERE transfer_id = ? "
        "ORDER BY event_type",
        [transfer_id],
    ).rows
    assert found == [
        (receiver, "BalanceCredited", Decimal("5.00"), payer),
        (payer, "BalanceWithdrawn", Decimal("5.00"), receiver),
    ]


def test_the_daily_report_counts_a_transfer_on_both_accounts(
    own_deployment: LocalDeployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The volume of a transfer is a withdrawal and a credit; the balances of a currency do not change by it."""
    with own_deployment.address.http() as api:
        payer, receiver = opened(api, "owner-1", "100.00"), opened(api, "owner-2", "1.00")
        assert transferred(api, payer, receiver, "40.00").status_code == 200
        day = str(events_of(api, payer)[-1]["occurredAt"])[: len("2026-01-31")]
        assert own_deployment.wait_until_idle(IDLE_TIMEOUT_S)
    monkeypatch.setattr(local_stack.address, "ADDRESS_FILE", tmp_path / "address.json")
    with own_deployment.address.published():
        asked = ["query", "daily_report", "-p", f"day={day}", "--format", "json"]
        found = json.loads(CliRunner().invoke(app, asked).stdout)
    figures = ("opened", "credits", "credited", "withdrawals", "withdrawn", "net_flow", "closing_balance")
    assert [found[name] for name in figures] == [2, 3, "141.00", 1, "40.00", "101.00", "101.00"]


def test_why_and_the_console_show_both_sides_of_a_transfer(
    deployment: LocalDeployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_stack.address, "ADDRESS_FILE", tmp_path / "address.json")
    with deployment.address.http() as api:
        payer, receiver = opened(api, "owner-1", "9.00"), opened(api, "owner-2")
    command = {"kind": "transfer", "account_id": payer, "to": receiver, "amount": "2.50"}
    answer = send(deployment.address, Command.of(command))
    assert (answer["status"], answer["body"]["balance"]) == (200, "6.50"), answer
    assert deployment.wait_until_idle(IDLE_TIMEOUT_S)
    transfer_id = answer["body"]["transferId"]
    both = {f"{payer}:3", f"{receiver}:2"}
    with deployment.address.published():
        for asked in (transfer_id, *both):
            done = CliRunner().invoke(app, ["why", asked, "--json"])
            found = json.loads(done.stdout)
            assert (done.exit_code, {event["event_id"] for event in found["events"]}) == (0, both), done.output
            assert found["kinds"] == ["transfer id" if asked == transfer_id else "event id"]
            assert {event["transfer"]["other_event_id"] for event in found["events"]} == both
            requests = [
                hop["what"] for event in found["events"] for hop in event["timeline"] if hop["where"] == "request"
            ]
            assert len(requests) == 2
            assert all("transfer answered 200" in request for request in requests), requests


def test_a_refused_transfer_writes_nothing(deployment: LocalDeployment) -> None:
    with deployment.address.http() as api:
        payer, receiver = opened(api, "owner-1", "1.00"), opened(api, "owner-1", currency="USD")
        before = len(deployment.rows())
        for to, amount, code in (
            (payer, "1.00", "transfer_to_itself"),
            (receiver, "1.00", "receiver_refused"),
            ("unknown", "1.00", "receiver_refused"),
            (receiver, "1.01", "insufficient_funds"),
        ):
            answer = transferred(api, payer, to, amount)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert len(deployment.rows()) == before


def test_with_tokens_only_the_payer_must_be_the_subjects(jwt_deployment: LocalDeployment) -> None:
    at = jwt_deployment.address
    with at.http("alice") as alice, at.http("mallory") as mallory:
        hers, his = opened(alice, "alice", "5.00"), opened(mallory, "mallory")
        for payer, receiver in ((hers, his), ("unknown", his)):
            refused = transferred(mallory, payer, receiver, "1.00")
            assert (refused.status_code, refused.json()["code"]) == (404, "account_not_found")
        assert transferred(alice, hers, his, "2.00").status_code == 200
        assert alice.get(f"/accounts/{hers}").json()["balance"] == "3.00"
        assert mallory.get(f"/accounts/{his}").json()["balance"] == "2.00"
        assert alice.get(f"/accounts/{his}").status_code == 404


def test_a_stack_without_transfers_refuses_them_and_writes_nothing() -> None:
    with LocalDeployment(parameters={"Transfers": "off"}) as deployment, deployment.address.http() as api:
        payer, receiver = opened(api, "owner-1", "5.00"), opened(api, "owner-1")
        answer = transferred(api, payer, receiver, "1.00")
        assert (answer.status_code, answer.json()["code"]) == (403, "transfers_off")
        assert len(deployment.rows()) == 3
        assert api.post(f"/accounts/{payer}/withdraw", json={"amount": "1.00"}).status_code == 200
        assert len(read_published(deployment, 4)) >= 4
