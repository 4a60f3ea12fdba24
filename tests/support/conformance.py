"""The OpenAPI document as schemathesis tests a deployment against it: what is sent, and what may come of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx
import schemathesis
from hypothesis import settings
from schemathesis import AuthContext, AuthProvider, Case, Config, HookContext
from schemathesis.schemas import BaseSchema

WsgiApp = Callable[..., Any]
# What schemathesis expects of valid requests, and two more: whether the account has that ETag, and whether the
# domain allows the command, is not for the document to say.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429", "5xx"]
SEED = 1
ACCOUNT_ID = {"$ref": "#/components/parameters/accountId"}


def schema_of(
    openapi: dict[str, Any],
    deployment: WsgiApp,
    accounts: Sequence[str],
    *,
    examples_max: int,
    authorization: str,
) -> BaseSchema:
    """A deployment's document, with every check of schemathesis; the requests are the same in every run.

    `object_level_authorization` is on like the others, but compares callers only where schemathesis logs them in
    itself; that is tested in tests/unit/account_core/test_access.py.

    Args:
        openapi: of deployments with its authorisation.
        deployment: takes the requests.
        accounts: ids that exist; without them nearly every answer would be 404.
        examples_max: random ones of each operation, next to those that go through what its schemas allow and forbid.
        authorization: the header of that name; what comes of requests without it is tested too.
    """
    config = Config.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": examples_max, "with-security-parameters": False, "database": "none"},
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
            # HEAD is GET without the body, OPTIONS looks at hardly anything.
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
    """A deployment over HTTP, as a WSGI application; it has to be connected before it is called.

    Args:
        authorization: the header that stands for the authorisation that the deployment asks for.
    """

    def __init__(self, authorization: str) -> None:
        self._authorization = authorization
        self._authorised: httpx.Client
        self._stranger: httpx.Client

    def connect(self, authorised: httpx.Client, unauthorised: httpx.Client) -> None:
        """From now on, send requests with that header through `authorised`, and others through `unauthorised`."""
        self._authorised, self._stranger = authorised, unauthorised

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        del headers["HOST"]
        client = self._stranger
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
    """Each request is made from the answer to the one before it, along the document's links."""
    limits = settings(max_examples=scenarios_max, stateful_step_count=5, derandomize=True, database=None)
    schema.as_state_machine().run(settings=limits)


def only_with_linked_parameters(openapi: dict[str, Any]) -> dict[str, Any]:
    """Without parameters that no link fills: of a 404 to a request that has some, schemathesis makes nothing."""
    return {
        **openapi,
        "paths": {
            path: {
                method: {**operation, "parameters": [name for name in operation["parameters"] if name == ACCOUNT_ID]}
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
    """Without values that schemathesis takes for valid and the API refuses."""
    if {"at", "atSequence"} <= set(case.query):
        del case.query["at"]  # OpenAPI has no words for "either, not both"
    if case.headers.get("If-Match") == "0":
        del case.headers["If-Match"]  # schemathesis' own mistake: where it covers optional headers, it sends a number
    return case


def _closed(openapi: dict[str, Any]) -> dict[str, Any]:
    """Refuse fields that the document lacks. Clients must accept new fields, but the document must list them all."""
    schemas = {
        name: {**schema, "additionalProperties": False} if schema.get("type") == "object" else schema
        for name, schema in openapi["components"]["schemas"].items()
    }
    return {**openapi, "components": {**openapi["components"], "schemas": schemas}}
