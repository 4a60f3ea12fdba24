"""The accounts by owner over HTTP: equal to the ledger, and visible to authorised callers only."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from local_stack.faults.workers import kill_workers
from local_stack.local_deployment import LocalDeployment
from tests.support.terminal import account_events

IDLE_TIMEOUT_S = 60.0


def listed(api: httpx.Client, owner: str, query: str = "") -> dict[str, Any]:
    answer = api.get(f"/owners/{owner}/accounts{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_accounts_are_listed_with_the_balances_of_the_ledger(deployment: LocalDeployment) -> None:
    owner, before = f"owner-{uuid.uuid4()}", deployment.mappings["AccountsByOwnerMapping"].status().totals
    with deployment.address.http() as api:
        assert listed(api, owner) == {"accounts": [], "next": None}
        paths = [
            api.post("/accounts", json={"owner": owner, "currency": currency}).headers["Location"]
            for currency in ("EUR", "USD", "CHF")
        ]
        with ThreadPoolExecutor(8) as pool:
            amounts = [f"{number}.25" for number in range(1, 31)]
            answers = pool.map(
                lambda each: api.post(f"{paths[each[0] % 3]}/credit", json={"amount": each[1]}), enumerate(amounts)
            )
            assert {answer.status_code for answer in answers} <= {200, 409}
        assert deployment.wait_until_idle(IDLE_TIMEOUT_S), {
            name: each.status() for name, each in deployment.mappings.items()
        }
        accounts = listed(api, owner)["accounts"]
        ledger = [api.get(path).json() for path in sorted(paths)]
        fields = ("accountId", "balance", "currency", "sequence")
        assert [[each[name] for name in fields] for each in accounts] == [
            [each[name] for name in fields] for each in ledger
        ]
        assert all(each["openedAt"] < each["updatedAt"] for each in accounts)
        first = listed(api, owner, "?limit=2")
        rest = api.get(first["next"]).json()
        assert first["accounts"] + rest["accounts"] == accounts
        assert rest["next"] is None
    totals = deployment.mappings["AccountsByOwnerMapping"].status().totals
    assert (totals.failures, totals.discarded) == (before.failures, before.discarded)


def test_a_batch_of_many_accounts_is_applied_by_few_invocations(deployment: LocalDeployment) -> None:
    """The function reads their positions with one request per batch, and writes them several at a time."""
    owner, mapping = f"owner-{uuid.uuid4()}", deployment.mappings["AccountsByOwnerMapping"]
    assert deployment.wait_until_idle(IDLE_TIMEOUT_S)
    before = mapping.status().totals
    assert mapping.stop()
    try:
        with deployment.address.http() as api, ThreadPoolExecutor(8) as pool:
            opened = pool.map(
                lambda _: api.post("/accounts", json={"owner": owner, "currency": "EUR"}).headers["Location"],
                range(40),
            )
            paths = list(opened)
            assert deployment.mappings["ProjectorMapping"].wait_until_idle(IDLE_TIMEOUT_S)
    finally:
        mapping.start()
    assert deployment.wait_until_idle(IDLE_TIMEOUT_S)
    with deployment.address.http() as api:
        accounts = listed(api, owner, "?limit=100")["accounts"]
    assert [f"/accounts/{each['accountId']}" for each in accounts] == sorted(paths)
    totals = mapping.status().totals
    assert (totals.failures, totals.discarded) == (before.failures, before.discarded)
    factor = mapping.config.parallelization_factor
    shards = len(mapping.status().shards)
    assert factor > 1
    assert totals.invocations - before.invocations <= 2 * factor * shards


def test_unauthorised_requests_are_refused(deployment: LocalDeployment, jwt_deployment: LocalDeployment) -> None:
    for each, status in ((deployment, 403), (jwt_deployment, 401)):
        answer = httpx.get(f"{each.address.api_url}/owners/owner-1/accounts", trust_env=False)
        assert answer.status_code == status


def test_a_subject_lists_its_own_accounts_and_an_operator_all(jwt_deployment: LocalDeployment) -> None:
    owner = f"auth0|{uuid.uuid4()}"
    at = jwt_deployment.address
    with at.http(owner) as mine, at.http("mallory") as mallory, at.http() as operator:
        path = mine.post("/accounts", json={"currency": "EUR"}).headers["Location"]
        assert mine.post(f"{path}/credit", json={"amount": "5.00"}).status_code == 200
        assert jwt_deployment.wait_until_idle(IDLE_TIMEOUT_S)
        for api in (mine, operator):
            [account] = listed(api, owner)["accounts"]
            assert (f"/accounts/{account['accountId']}", account["balance"]) == (path, "5.00")
        refused = mallory.get(f"/owners/{owner}/accounts")
        assert (refused.status_code, refused.json()["code"]) == (403, "owner_not_allowed")
        assert listed(mallory, "mallory")["accounts"] == []


def test_the_read_model_survives_faults_and_can_be_rebuilt(deployment: LocalDeployment) -> None:
    """Its function is killed repeatedly and every event is published twice; then rows are damaged by hand."""
    outputs, stop, kills = deployment.address.outputs, threading.Event(), list[int]()

    def kill() -> None:
        while not stop.wait(0.1):
            kills.append(kill_workers(deployment, outputs["OwnedFunctionName"]))

    killer = threading.Thread(target=kill)
    with deployment.address.http() as api, ThreadPoolExecutor(4) as pool:
        paths = [
            api.post("/accounts", json={"owner": f"chaos-{number % 2}", "currency": "EUR"}).headers["Location"]
            for number in range(6)
        ]
        killer.start()
        try:
            answers = pool.map(
                lambda n: api.post(f"{paths[n % 6]}/credit", json={"amount": f"{n}.25"}).status_code, range(1, 121)
            )
            assert set(answers) <= {200, 409}
            again = account_events(
                deployment.address, "replay", "--all", "--live", "--to-stream", outputs["EventStreamName"]
            )
            assert again.returncode == 0, again.stderr
        finally:
            stop.set()
            killer.join()
    assert sum(kills), "no worker was killed"
    assert deployment.wait_until_idle(IDLE_TIMEOUT_S)
    checked = account_events(deployment.address, "owners", "check")
    accounts = len({row.account_id for row in deployment.rows()})
    expected = f"{accounts} accounts: 0 differ from the ledger\n"
    assert (checked.returncode, checked.stdout) == (0, expected), checked.stderr

    dynamodb = deployment.address.client("dynamodb")
    spoiled, lost = ({"AccountId": {"S": path.removeprefix("/accounts/")}} for path in paths[:2])
    dynamodb.update_item(
        TableName=outputs["OwnedTableName"],
        Key=spoiled,
        UpdateExpression="SET Balance = :wrong",
        ExpressionAttributeValues={":wrong": {"N": "1000000"}},
    )
    dynamodb.delete_item(TableName=outputs["OwnedTableName"], Key=lost)
    assert (
        account_events(deployment.address, "owners", "check").stdout
        == f"{accounts} accounts: 2 differ from the ledger\n"
    )
    assert account_events(deployment.address, "owners", "rebuild", "--all").returncode == 0
    assert account_events(deployment.address, "owners", "check").returncode == 0
