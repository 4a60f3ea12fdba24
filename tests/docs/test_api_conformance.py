"""The API follows its OpenAPI document: schemathesis with all its checks."""

from typing import Any

import pytest
from schemathesis import Case
from schemathesis.schemas import BaseSchema

from account_core.api.access import Authorisation
from account_core.api.openapi.document import document
from tests.support.api import Api
from tests.support.conformance import only_with_linked_parameters, run_scenarios, schema_of
from tests.support.wsgi_gateway import CALLERS, WsgiGateway

ACCOUNTS = ("account-1", "account-2")
EXAMPLES_MAX = 35
SCENARIOS_MAX = 20


def _schema(authorisation: Authorisation, caller: str, openapi: dict[str, Any]) -> BaseSchema:
    """An API with `ACCOUNTS`, which belong to owner-1 and can be credited and withdrawn from."""
    api = Api(authorisation)
    api.caller = next(iter(CALLERS[authorisation].values()))
    for account_id in ACCOUNTS:
        api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
        assert api("POST", f"/accounts/{account_id}/credit", '{"amount": "5000000000000000"}')[0] == 200
    gateway = WsgiGateway(api, authorisation)
    return schema_of(openapi, gateway, ACCOUNTS, examples_max=EXAMPLES_MAX, authorization=caller)


[API_TEST_USER], [OWNER, OPERATOR] = CALLERS["IAM"], CALLERS["JWT"]
IAM, JWT = document("IAM"), document("JWT")


@_schema("IAM", API_TEST_USER, IAM).parametrize()
def test_signed_requests_conform(case: Case[Any]) -> None:
    case.call_and_validate()


@_schema("JWT", OWNER, JWT).exclude(method=["HEAD", "OPTIONS"]).parametrize()
def test_an_owner_s_requests_conform(case: Case[Any]) -> None:
    case.call_and_validate()


@_schema("JWT", OPERATOR, JWT).exclude(method=["HEAD", "OPTIONS"]).parametrize()
def test_an_operator_s_requests_conform(case: Case[Any]) -> None:
    case.call_and_validate()


@pytest.mark.parametrize(("authorisation", "caller", "openapi"), [("IAM", API_TEST_USER, IAM), ("JWT", OWNER, JWT)])
def test_the_values_of_an_answer_are_valid_in_the_next_request(
    authorisation: Authorisation, caller: str, openapi: dict[str, Any]
) -> None:
    run_scenarios(_schema(authorisation, caller, only_with_linked_parameters(openapi)), scenarios_max=SCENARIOS_MAX)
