"""How schemathesis tests a deployment against its OpenAPI document: what it sends, and which responses are valid."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx
import schemathesis
from hypothesis import settings
from schemathesis import AuthContext, AuthProvider, Case, Config, HookContext
from schemathesis.schemas import BaseSchema

from account_core.api.statements import PLACE

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
WsgiApp = Callable[..., Any]
# The statuses that schemathesis accepts for valid requests by default, and two more, because the document cannot state
# whether the account has the ETag of the request (412) or whether the domain allows the command (422).
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429", "5xx"]
SEED = 1
LINKED = [{"$ref": f"#/components/parameters/{name}"} for name in ("accountId", "from", "until")]
"""What links fill, and what is required."""


def schema_of(
    openapi: dict[str, Any],
    deployment: WsgiApp,
    accounts: Sequence[str],
    *,
    examples_max: int,
    authorization: str,
) -> BaseSchema:
    """The schema of a deployment, with every check of schemathesis; the requests are the same in every run.

    The check `object_level_authorization` compares nothing here, because schemathesis does not log in the callers
    itself. tests/unit/account_core/test_access.py tests the access of each caller.

    Args:
        openapi: the document of deployments with this authorisation.
        deployment: receives the requests.
        accounts: ids of existing accounts; without them, nearly every answer would be 404.
        examples_max: random requests per operation, in addition to those that cover what its schemas allow and forbid.
        authorization: the value of the header Authorization; requests without it are tested too.
    """
    config = Config.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": examples_max, "with-security-parameters": False, "database": "none"},
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
            # HEAD is GET without the body, and OPTIONS depends on hardly any part of the request.
            "operations": [
                {"include-method": ["HEAD", "OPTIONS"], "generation": {"max-examples": max(examples_max // 10, 1)}}
            ],
            "dictionaries": {
                "accounts": {"values": list(accounts)},
                "etags": {"values": ['"s-1"', '"s-2"', '"s-9", "s-12"', "*"]},
                "keys": {"values": ["key-1", "key-2"]},
            },
            "parameters": {
                "path.accountId": {"dictionary": "accounts", "probability": 0.8},
                "header.If-Match": {"dictionary": "etags", "probability": 0.5},
                "header.If-None-Match": {"dictionary": "etags", "probability": 0.5},
                "header.Idempotency-Key": {"dictionary": "keys", "probability": 0.5},
            },
        }
    )
    schema = schemathesis.openapi.from_dict(_closed(openapi), config=config)
    schema.hook("map_case")(_corrected)
    schema.auth()(_authorising(authorization))
    schema.app = deployment
    return schema


class Remote:
    """A deployment over HTTP, as a WSGI application. Call `connect` before the first request.

    Args:
        authorization: the value of the header Authorization that marks an authorised request.
    """

    def __init__(self, authorization: str) -> None:
        self._authorization = authorization
        self._authorised: httpx.Client
        self._unauthorised: httpx.Client

    def connect(self, authorised: httpx.Client, unauthorised: httpx.Client) -> None:
        """Send requests with that header through `authorised` and all others through `unauthorised`."""
        self._authorised, self._unauthorised = authorised, unauthorised

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        del headers["HOST"]
        client = self._unauthorised
        if headers.get("AUTHORIZATION") == self._authorization:
            del headers["AUTHORIZATION"]
            client = self._authorised
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        target = f"{environ['REQUEST_URI'].partition('?')[0]}?{environ['QUERY_STRING']}".removesuffix("?")
        answer = client.request(environ["REQUEST_METHOD"], target, headers=sent, content=body)
        start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.headers.items()))
        return [answer.content]


def run_scenarios(schema: BaseSchema, *, scenarios_max: int) -> None:
    """Run chains of requests, each made from the previous answer, along the document's links."""
    limits = settings(max_examples=scenarios_max, stateful_step_count=5, derandomize=True, database=None)
    schema.as_state_machine().run(settings=limits)


def only_with_linked_parameters(openapi: dict[str, Any]) -> dict[str, Any]:
    """Remove optional parameters that no link fills.

    Otherwise schemathesis would end a chain if a request with one is answered 404.
    """
    return {
        **openapi,
        "paths": {
            path: {
                method: {**operation, "parameters": [each for each in operation["parameters"] if each in LINKED]}
                for method, operation in operations.items()
                if method in {"get", "post"}
            }
            for path, operations in openapi["paths"].items()
        },
    }


def _authorising(authorization: str) -> type[AuthProvider[str]]:
    class Authorising(AuthProvider[str]):
        def get(self, _case: Case[Any], _context: AuthContext) -> str:
            return authorization

        def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
            case.headers["Authorization"] = data

    return Authorising


def _corrected(_context: HookContext, case: Case[Any]) -> Case[Any]:
    """Remove values that schemathesis considers valid but the API refuses."""
    if {"at", "atSequence"} <= set(case.query):
        del case.query["at"]  # OpenAPI cannot express "one of them, not both"
    days = [case.query.get(name) for name in ("from", "until")]
    if all(isinstance(day, str) and re.fullmatch(DAY, day) for day in days):
        case.query["from"], case.query["until"] = sorted(map(str, days))  # nor "not later than"
    if re.fullmatch(PLACE, str(case.query.get("page"))):
        del case.query["page"]  # only the service makes it
    if case.headers.get("If-Match") == "0":
        del case.headers["If-Match"]  # a defect of schemathesis: when it covers optional headers, it sends a number
    return case


def _closed(openapi: dict[str, Any]) -> dict[str, Any]:
    """Refuse undocumented fields. Clients must accept new fields, but the document must list them all."""
    schemas = {
        name: {**schema, "additionalProperties": False} if schema.get("type") == "object" else schema
        for name, schema in openapi["components"]["schemas"].items()
    }
    return {**openapi, "components": {**openapi["components"], "schemas": schemas}}
