"""A running local stack conforms to the API's OpenAPI document.

tests/docs/test_api_conformance.py sends far more requests, to the API in memory.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from schemathesis import Case

from account_core.api.openapi.document import document
from account_core.api.requests import account_id_of
from local_stack.local_deployment import LocalDeployment
from tests.support.conformance import Remote, schema_of

AUTHORIZATION = "AWS4-HMAC-SHA256 of the stack"
KEYS = ("conformance-1", "conformance-2")
REMOTE = Remote(AUTHORIZATION)
SCHEMA = schema_of(
    document("IAM"),
    REMOTE,
    [account_id_of(key, None) for key in KEYS],
    examples_max=6,
    authorization=AUTHORIZATION,
)


@pytest.fixture(scope="module", autouse=True)
def _connected(deployment: LocalDeployment) -> Iterator[None]:
    """Open and fund the accounts that the requests refer to."""
    unauthorised = httpx.Client(base_url=deployment.address.api_url, timeout=30.0, trust_env=False)
    with deployment.address.http() as authorised, unauthorised:
        for key in KEYS:
            sent = {"owner": "owner-1", "currency": "EUR"}
            created = authorised.post("/accounts", json=sent, headers={"Idempotency-Key": key})
            credit = {"amount": "5000000000000000"}
            assert authorised.post(f"{created.headers['Location']}/credit", json=credit).status_code == 200
        REMOTE.connect(authorised, unauthorised)
        yield


@SCHEMA.exclude(method=["HEAD", "OPTIONS"]).parametrize()
def test_the_stack_conforms_to_its_openapi_document(case: Case[Any]) -> None:
    case.call_and_validate()
