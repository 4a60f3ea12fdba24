"""The CPU time of a command on a cached account, with real clients and canned answers, against boto3's resource."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from boto3.dynamodb.types import TypeDeserializer

from account_core.api.access_log import AccessLog
from account_core.api.http_api import HttpApi
from account_core.domain.events import Row
from account_core.rows.items import to_item
from account_core.service.head import fold
from account_core.service.head_cache import HeadCache
from account_core.service.owned_accounts import OwnedAccount
from account_core.service.ports import ROWS_MAX
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.settings import READS, WRITES
from account_core.store.dynamodb_store import DynamoDBAccountStore
from benchmarks.canned import CannedAnswers
from benchmarks.long_accounts import ledger
from benchmarks.resource_baseline import ResourceAccounts
from benchmarks.timing import Benchmark, cpu_us
from benchmarks.world import CREDIT, account_id, origin

EVENTS = 1_000
"""Events of the account: a snapshot is among its newest ten rows, and its next command writes no snapshot."""
TARGET = 0.4
TABLE = "accounts"
_CONSUMED = {"ConsumedCapacity": {"TableName": TABLE, "CapacityUnits": 1.0}}
_SESSION = boto3.session.Session("AKIDEXAMPLE", "not-a-secret", region_name="eu-central-1")
_ORIGIN = origin()


class NoOwnedAccounts:
    """An `OwnedAccounts` for calls that do not list an owner's accounts."""

    def page(self, owner: str, after: str | None, limit: int, used: Usage) -> Sequence[OwnedAccount]:
        raise NotImplementedError


def benchmarks() -> list[Benchmark]:
    rows = ledger(EVENTS)
    (ours, our_put), (baseline, baseline_put), api = _ours(rows), _baseline(rows), _whole_call(rows)
    ours()
    baseline()
    if our_put() != baseline_put():
        raise AssertionError(f"Ours and the baseline put different rows: {our_put()} and {baseline_put()}")
    against = "the resource's Query of 10 and PutItem"
    return [
        Benchmark(f"cached command; {against}", "CPU us", TARGET, lambda: cpu_us(ours), lambda: cpu_us(baseline)),
        Benchmark(f"the whole API call; {against}", "CPU us", None, lambda: _silenced(api), lambda: cpu_us(baseline)),
    ]


def _ours(rows: list[Row]) -> tuple[Callable[[], object], Callable[[], Any]]:
    """Return the command, and a function that returns the row that it put."""
    canned, service = _service(rows)
    account = rows[0].account_id
    return lambda: service().execute(account, CREDIT, _ORIGIN), lambda: _put(canned)


def _baseline(rows: list[Row]) -> tuple[Callable[[], object], Callable[[], Any]]:
    newest = [to_item(row) for row in rows[: -ROWS_MAX - 1 : -1]]
    canned = CannedAnswers({"Query": {"Items": newest, "Count": len(newest)}, "PutItem": {}})
    table = _SESSION.resource("dynamodb").Table(TABLE)
    canned.attach(table.meta.client)
    accounts, at = ResourceAccounts(table), _ORIGIN
    facts = (rows[0].account_id, CREDIT.amount, at.occurred_at, at.correlation_id, str(at.request_id))
    return lambda: accounts.credit(*facts), lambda: _put(canned)


def _service(rows: list[Row]) -> tuple[CannedAnswers, Callable[[], AccountService]]:
    """Return a factory of services that have the account's head in the cache, so that no call changes the account."""
    canned = CannedAnswers({"PutItem": _CONSUMED})
    reads, writes = (_SESSION.client("dynamodb", config=config) for config in (READS, WRITES))
    for client in (reads, writes):
        canned.attach(client)
    store, head = DynamoDBAccountStore(reads, writes, TABLE), fold(rows[: -ROWS_MAX - 1 : -1])

    def service() -> AccountService:
        heads = HeadCache()
        heads.put(rows[0].account_id, head)
        return AccountService(store, heads)

    return canned, service


def _put(canned: CannedAnswers) -> dict[str, Any]:
    """The row that was put, with numbers compared by value."""
    return {name: TypeDeserializer().deserialize(value) for name, value in canned.last("PutItem")["Item"].items()}


def _whole_call(rows: list[Row]) -> Callable[[], object]:
    _, service = _service(rows)
    log = AccessLog(
        Logger(service="account-api", level="INFO", stream=Path(os.devnull).open("w")),  # noqa: SIM115 -- open as long as the log
        Metrics(namespace="AccountEvents", service="account-api"),
    )
    event = gateway_event(f"/accounts/{rows[0].account_id}/credit", {"amount": str(CREDIT.amount)})

    def call() -> None:
        api = HttpApi(
            service(),
            NoOwnedAccounts(),
            now=lambda: datetime.now(UTC),
            new_id=account_id,
            log=log,
            authorisation="IAM",
            operator_scope="accounts/operator",
            has_transfers=True,
        )
        answer = api(event, _Context())
        if answer["statusCode"] != 200:  # noqa: PLR2004 -- OK
            raise AssertionError(answer)

    return call


def _silenced(call: Callable[[], object]) -> float:
    """Measure a call without showing the metrics that it prints."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        return cpu_us(call)


def gateway_event(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """An event as API Gateway sends it, with a client's headers and the gateway's own."""
    headers = {
        "accept": "*/*",
        "content-length": "18",
        "content-type": "application/json",
        "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "user-agent": "python-httpx/0.28",
        "x-amzn-trace-id": "Root=1-65ba1f00-0123456789abcdef01234567",
        "x-correlation-id": _ORIGIN.correlation_id,
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "requestId": _ORIGIN.request_id,
            "http": {"method": "POST", "path": path},
            "authorizer": {"iam": {"userArn": "arn:aws:iam::000000000000:user/api-test"}},
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


class _Context:
    """Lambda's context, with plenty of time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
