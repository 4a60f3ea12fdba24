"""The API's OpenAPI 3.1 document, generated from the code; `make openapi` writes docs/openapi.json."""

import json
from typing import Any

from account_core.api.access import Authorisation
from account_core.api.openapi.examples import REQUESTS, RESPONSES
from account_core.api.openapi.parameters import IDS, PARAMETERS, any_of, headers, shared_headers
from account_core.api.openapi.problem_responses import (
    BY_OPERATION,
    EXAMPLES,
    OF_NO_OPERATION,
    OF_OPTIONS,
    UNREACHABLE,
    responses,
    shared_responses,
)
from account_core.api.openapi.schemas import ref, schemas
from account_core.api.routes import ROUTES, allowed
from account_events import __version__

_EVERYWHERE = "HEAD and OPTIONS"
_TAGS = {
    "commands": "Requests that change an account. Send each with an `Idempotency-Key`.",
    "reads": "Requests that read accounts, events and lists.",
    _EVERYWHERE: "OPTIONS on every path, and HEAD on every path with GET.",
}
_SUMMARIES = {
    "create_account": "Create an account",
    "read_account": "Read an account, now or at an earlier time",
    "credit": "Credit an account",
    "withdraw": "Withdraw from an account",
    "transfer": "Transfer money to another account",
    "list_events": "List an account's events",
    "read_statement": "Read an account's statement for a range of days",
    "list_accounts": "List an owner's accounts",
}
_DESCRIPTIONS = {
    "create_account": "Creates an account with a balance of zero. With an `Idempotency-Key`, a repeated request "
    "returns the account that the first one created.",
    "read_account": "Returns the account (strongly consistent). To read an earlier state, send `atSequence` or `at`.",
    "credit": "Adds the amount to the balance. With an `Idempotency-Key`, a repeated command changes the balance once.",
    "withdraw": "Subtracts the amount from the balance, which never goes below zero. With an `Idempotency-Key`, a "
    "repeated command changes the balance once.",
    "transfer": "Moves the amount from this account to the account `to`, or does nothing: one account never has the "
    "money without the other having paid it. With an `Idempotency-Key`, a repeated command moves the money once.",
    "list_events": "Returns a page of the account's events (strongly consistent). `next` is the path of the next page.",
    "read_statement": "Returns a page of the account's statement (strongly consistent): the balance before the first "
    "day, each event of the range with its change, and the balance at the end of the last day. `next` is the path of "
    "the next page. Events that are stored after the first page was read are on no page.",
    "list_accounts": "Returns a page of the owner's accounts with their balances, by account id. The list comes from a "
    "read model that follows the ledger, usually within a second or two.",
}
_PARAMETERS = {
    "create_account": ("Idempotency-Key",),
    "read_account": ("accountId", "atSequence", "at", "If-None-Match"),
    "credit": ("accountId", "Idempotency-Key", "If-Match"),
    "withdraw": ("accountId", "Idempotency-Key", "If-Match"),
    "transfer": ("accountId", "Idempotency-Key", "If-Match"),
    "list_events": ("accountId", "after", "limit", "order"),
    "read_statement": ("accountId", "from", "until", "limit", "page"),
    "list_accounts": ("owner", "afterAccount", "limit"),
}
_BODIES = {
    "transfer": ("The paying account", "Transferred"),
    "list_events": ("A page of events", "EventPage"),
    "read_statement": ("A page of the statement", "StatementPage"),
    "list_accounts": ("A page of accounts", "AccountPage"),
}
_SECURITY_SCHEMES = {
    "IAM": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "`Auth: IAM`: sign each request (SigV4, service `execute-api`). Every caller that may invoke "
        "the API sees all accounts.",
    },
    "JWT": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`Auth: JWT`: the token's subject owns the accounts that it creates and sees no others. A token "
        "with the operators' scope sees all accounts.",
    },
}


def document(authorisation: Authorisation | None = None) -> dict[str, Any]:
    """The document for all deployments, or for deployments with this authorisation."""
    schemes = [authorisation] if authorisation else list(_SECURITY_SCHEMES)
    openapi: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Account Events",
            "version": __version__,
            "description": _description(),
            "contact": {"name": "The team that runs the deployment"},
        },
        "servers": [
            {
                "url": "{ApiUrl}",
                "variables": {
                    "ApiUrl": {"default": "https://example.com", "description": "The stack's output `ApiUrl`."}
                },
            }
        ],
        "security": [{scheme: []} for scheme in schemes],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": {path: _path(path, operations) for path, operations in ROUTES.items()},
        "components": {
            "schemas": schemas(is_owner_required=authorisation == "IAM"),
            "parameters": PARAMETERS,
            "examples": EXAMPLES,
            "responses": shared_responses(),
            "securitySchemes": {scheme: _SECURITY_SCHEMES[scheme] for scheme in schemes},
        },
    }
    written = json.dumps(openapi)
    openapi["components"]["headers"] = {
        name: header for name, header in shared_headers().items() if f'"#/components/headers/{name}"' in written
    }
    return openapi


def text() -> str:
    """The text of docs/openapi.json."""
    return json.dumps(document(), indent=2) + "\n"


def _description() -> str:
    others, unreachable = (" or ".join(f"`{code}`" for code in codes) for codes in (OF_NO_OPERATION, UNREACHABLE))
    return (
        "Accounts, their balances and their events; docs/api.md is the guide. Other paths and methods are answered "
        f"with {others}. The problem {unreachable} cannot occur over HTTP. Query parameters and fields that are "
        "unknown or occur twice are refused."
    )


def _path(path: str, operations: dict[str, str]) -> dict[str, Any]:
    """The path's operations, HEAD if there is GET, and OPTIONS."""
    methods = {method.lower(): _operation(operation) for method, operation in operations.items()}
    if "GET" in operations:
        methods["head"] = _head(operations["GET"])
    methods["options"] = _options(path, operations)
    return methods


def _operation(operation: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": _SUMMARIES[operation],
        "description": _DESCRIPTIONS[operation],
        "tags": ["commands" if operation in REQUESTS else "reads"],
        "parameters": _parameters(*_PARAMETERS[operation]),
        **({"requestBody": _body(operation)} if operation in REQUESTS else {}),
        "responses": {**_successes(operation), **responses(BY_OPERATION[operation])},
    }


def _head(operation: str) -> dict[str, Any]:
    """The operation HEAD: GET without the bodies."""
    successes = {
        status: {name: part for name, part in response.items() if name not in ("content", "links")}
        for status, response in _successes(operation).items()
    }
    return {
        "operationId": f"{operation}_head",
        "summary": f"{_SUMMARIES[operation]} (without the body)",
        "description": "Returns the same status and headers as GET, without a body.",
        "tags": [_EVERYWHERE],
        "parameters": _parameters(*_PARAMETERS[operation]),
        "responses": {**successes, **responses(BY_OPERATION[operation], is_head=True)},
    }


def _options(path: str, operations: dict[str, str]) -> dict[str, Any]:
    allow = allowed(operations)
    response = {"description": f"`Allow: {allow}`", "headers": headers(("Allow", *IDS))}
    return {
        "operationId": f"{'_or_'.join(operations.values())}_options",
        "summary": "List the path's methods",
        "description": "Returns the methods in the header `Allow`. The parameters in the path are not validated.",
        "tags": [_EVERYWHERE],
        "parameters": [*(any_of(name) for name in PARAMETERS if f"{{{name}}}" in path), *_parameters()],
        "responses": {"204": response, **responses(OF_OPTIONS)},
    }


def _parameters(*names: str) -> list[dict[str, Any]]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in (*names, *IDS)]


def _body(operation: str) -> dict[str, Any]:
    examples = {name: {"value": value} for name, value in REQUESTS[operation].items()}
    return {"required": True, "content": {"application/json": {"schema": ref(operation), "examples": examples}}}


def _successes(operation: str) -> dict[str, Any]:
    response = RESPONSES[operation]
    is_account = "ETag" in response.headers
    description, schema = _BODIES.get(operation, ("The account", "Account"))
    success = {
        "description": description,
        "headers": headers((*response.headers, *IDS), ("Idempotent-Replayed",) if operation in REQUESTS else ()),
        "content": {response.content_type: {"schema": ref(schema), "example": response.body}},
        **({"links": _links(operation)} if is_account else {}),
    }
    unchanged = {
        "description": "The account still has one of the ETags in `If-None-Match`",
        "headers": headers(("ETag", *IDS)),
    }
    return {str(response.status): success, **({"304": unchanged} if operation == "read_account" else {})}


def _links(operation: str) -> dict[str, Any]:
    """Links to the operations on the account."""
    return {
        other: {"operationId": other, "parameters": {"accountId": "$response.body#/accountId"}}
        for other, names in _PARAMETERS.items()
        if "accountId" in names and other != operation
    }
