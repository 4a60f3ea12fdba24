"""The wiring of the deployed function."""

import importlib
import json
import time
from types import ModuleType

import pytest

from account_core.settings import Settings


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in {
        "TABLE_NAME": "accounts",
        "OWNED_TABLE_NAME": "owned",
        "AUTH": "IAM",
        "OPERATOR_SCOPE": "accounts/operator",
        "TRANSFERS": "on",
        "STACK_NAME": "account-events",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module("account_core.handler"))


def test_the_writing_client_makes_one_attempt_only(module: ModuleType) -> None:
    """The reasons are in docs/adr/0003-writes-are-not-retried.md."""
    store = module._store  # noqa: SLF001 -- its wiring is the subject
    assert store._writes.meta.config.retries["total_max_attempts"] == 1  # noqa: SLF001
    assert store._reads.meta.config.retries["total_max_attempts"] > 1  # noqa: SLF001
    assert store._table_name == "accounts"  # noqa: SLF001


def test_heads_age_by_the_clock_of_the_system(module: ModuleType) -> None:
    """Lambda stops the monotonic clock while an execution environment is frozen."""
    heads = module._api._service._heads  # noqa: SLF001 -- its wiring is the subject
    assert heads._now_s is time.time  # noqa: SLF001


def test_the_handler_answers_a_request(module: ModuleType) -> None:
    request = {"requestId": "request-1", "http": {"method": "GET"}, "authorizer": {"iam": {"userArn": "arn"}}}
    answer = module.handler({"version": "2.0", "rawPath": "/", "headers": {}, "requestContext": request}, None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["requestId"] == "request-1"


SETTINGS = {
    "TABLE_NAME": "accounts",
    "OWNED_TABLE_NAME": "owned",
    "AUTH": "JWT",
    "OPERATOR_SCOPE": "accounts/operator",
    "TRANSFERS": "off",
    "STACK_NAME": "account-events",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(LookupError, match=f"'{name}'"):
        Settings.read({other: value for other, value in SETTINGS.items() if other != name})


@pytest.mark.parametrize(("name", "value"), [("AUTH", "NONE"), ("TRANSFERS", "yes"), ("TRANSFERS", "")])
def test_an_invalid_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(LookupError, match=f"{name} is '{value}'"):
        Settings.read({**SETTINGS, name: value})


@pytest.mark.parametrize(("value", "is_on"), [("on", True), ("off", False)])
def test_transfers_are_switched_by_their_setting(value: str, *, is_on: bool) -> None:
    assert Settings.read({**SETTINGS, "TRANSFERS": value}).has_transfers is is_on
