"""The log lines and metrics of a request."""

import json
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from account_core.api.access_log import AccessLog
from tests.support.api import Api, jwt_caller

AMOUNT = "918273.64"
OF_POWERTOOLS = {"level", "location", "message", "timestamp", "service"}
OF_USAGE = {"requests", "read_units", "write_units", "conflicts", "rebuilt"}
OF_REQUEST = {"operation", "status", "account_id", "sequence", "is_replay"}
OF_CALLER = {"request_id", "correlation_id", "command_id", "gateway_id", "caller"}


@pytest.fixture
def api() -> tuple[Api, StringIO]:
    """Alice owns account-1. The log is written to the stream."""
    stream = StringIO()
    logger = Logger(service="test-access", stream=stream)
    logger.handlers[0].setStream(stream)  # type: ignore[attr-defined]  # the logger of a service is shared
    api = Api("JWT", AccessLog(logger, Metrics(namespace="Test", service="test-access")))
    api.caller = jwt_caller("alice")
    api("POST", "/accounts", '{"currency": "EUR"}')
    stream.truncate(0)
    stream.seek(0)
    return api, stream


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_command_logs_one_line_with_caller_and_ids_but_no_amount(api: tuple[Api, StringIO]) -> None:
    call, stream = api
    call("POST", "/accounts/account-1/credit", f'{{"amount": {AMOUNT}}}', x_request_id="mine", idempotency_key="k-1")
    [line] = lines(stream)
    assert set(line) == OF_POWERTOOLS | OF_USAGE | OF_REQUEST | OF_CALLER
    assert (line["operation"], line["status"], line["account_id"], line["sequence"]) == ("credit", 200, "account-1", 2)
    assert (line["request_id"], line["correlation_id"], line["command_id"]) == ("mine", "mine", "k-1")
    assert (line["gateway_id"], line["caller"]) == ("request-2", "alice")
    assert AMOUNT not in stream.getvalue()


def test_a_refusal_is_logged_with_its_code(api: tuple[Api, StringIO]) -> None:
    call, stream = api
    call("POST", "/accounts/account-1/withdraw", f'{{"amount": {AMOUNT}}}')
    [line] = lines(stream)
    assert (line["status"], line["code"]) == (422, "insufficient_funds")
    assert AMOUNT not in stream.getvalue()


def test_a_refused_command_is_logged_with_its_idempotency_key(api: tuple[Api, StringIO]) -> None:
    call, stream = api
    call("POST", "/accounts/account-1/withdraw", '{"amount": "1.00"}', idempotency_key="k-2")
    call("POST", "/accounts/account-1/credit", "{", idempotency_key="k-3")
    assert [(line["status"], line["command_id"]) for line in lines(stream)] == [(422, "k-2"), (400, "k-3")]


def test_an_operators_idempotency_key_is_logged_as_its_row_has_it(api: tuple[Api, StringIO]) -> None:
    call, stream = api
    call.caller = jwt_caller("operator", "accounts/operator")
    call("POST", "/accounts/account-1/credit", '{"amount": "1.00"}', idempotency_key="k-4")
    [line] = lines(stream)
    assert line["command_id"] == "operator,k-4"
    assert call.items()[-1]["CommandId"] == {"S": "operator,k-4"}


def test_a_read_is_logged_without_a_command_id(api: tuple[Api, StringIO]) -> None:
    call, stream = api
    call("GET", "/accounts/account-1", idempotency_key="k-5")
    assert "command_id" not in lines(stream)[0]


def test_an_internal_error_is_logged_with_its_cause(api: tuple[Api, StringIO]) -> None:
    call, stream = api
    del call.items()[0]["Balance"]
    call.forget()
    assert call("GET", "/accounts/account-1", x_request_id="mine")[0] == 500
    failed, request = lines(stream)
    assert (failed["level"], failed["request_id"], failed["account_id"]) == ("ERROR", "mine", "account-1")
    assert "Balance" in failed["exception"]
    assert request["status"] == 500


def test_the_cost_of_a_request_is_emitted_as_metrics(
    api: tuple[Api, StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    call, _ = api
    capsys.readouterr()
    call("GET", "/accounts/account-1")
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["operation"] == "read_account"
    assert {name: metrics[name] for name in ("TableRequests", "ReadUnits", "WriteUnits", "Conflicts")} == {
        "TableRequests": [1.0],
        "ReadUnits": [0.0],
        "WriteUnits": [0.0],
        "Conflicts": [0.0],
    }
