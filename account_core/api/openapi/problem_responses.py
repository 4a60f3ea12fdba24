"""The problems that each operation can return, with examples."""

from typing import Any

from account_core.api.openapi.examples import REQUEST_ID
from account_core.api.openapi.parameters import IDS, headers
from account_core.api.openapi.schemas import ref
from account_core.api.problems import PROBLEMS
from account_core.api.responses import INTERNAL_ERROR, problem
from account_core.domain.errors import AccountFull, ReceiverRefused, TransferToItself

_ALWAYS = ("invalid_request_id", "invalid_correlation_id", "unauthenticated", "owner_not_allowed", "internal_error")
_OF_THE_TABLE = ("corrupt", "unavailable")
_OF_A_BODY = (
    *("invalid_json", "invalid_encoding", "missing_field", "unknown_field", "body_too_large", "unsupported_media_type"),
    *("invalid_parameter", "invalid_idempotency_key", "invalid_if_match", "idempotency_key_reused", "conflict"),
)
_OF_AN_ACCOUNT = ("invalid_account_id", "account_not_found", *_OF_THE_TABLE)
_OF_A_READ = (*_ALWAYS, *_OF_AN_ACCOUNT, "invalid_parameter")
_OF_A_COMMAND = (*_ALWAYS, *_OF_AN_ACCOUNT, *_OF_A_BODY, "invalid_amount", "precondition_failed", "account_full")

BY_OPERATION: dict[str, tuple[str, ...]] = {
    "create_account": (*_ALWAYS, *_OF_THE_TABLE, *_OF_A_BODY, "invalid_owner", "invalid_currency"),
    "credit": (*_OF_A_COMMAND, "balance_limit_exceeded"),
    "withdraw": (*_OF_A_COMMAND, "insufficient_funds"),
    "transfer": (*_OF_A_COMMAND, "insufficient_funds", "transfers_off", "transfer_to_itself", "receiver_refused"),
    "read_account": (*_OF_A_READ, "sequence_not_found"),
    "list_events": _OF_A_READ,
    "read_statement": _OF_A_READ,
    "list_accounts": (*_ALWAYS, *_OF_THE_TABLE, "invalid_parameter", "invalid_owner"),
}
OF_OPTIONS = _ALWAYS
OF_NO_OPERATION = ("route_not_found", "method_not_allowed")
"""Problems of unknown paths and methods."""

UNREACHABLE = ("account_exists",)
"""Over HTTP, the service makes the account ids, so only a repeated request can name an account that exists."""

_DETAILS = {
    "invalid_json": "The body must be valid JSON: a key occurs twice.",
    "invalid_encoding": "The body must be UTF-8.",
    "missing_field": "Missing fields: currency.",
    "unknown_field": "Unknown fields: note. Known fields: amount.",
    "invalid_amount": "amount must be given with at most 2 decimals.",
    "invalid_owner": "owner must be an opaque id of 1 to 64 letters, digits or any of '._:|-', but not '.' or '..'; "
    "never a name or an address.",
    "invalid_currency": 'currency must be an ISO 4217 code, in capitals, of a currency with two decimals, like "EUR".',
    "invalid_account_id": "An account id must be 1 to 64 letters, digits, '-' or '_'.",
    "invalid_correlation_id": "X-Correlation-Id must be 1 to 128 visible ASCII characters without a comma, sent once.",
    "invalid_request_id": "X-Request-Id must be 1 to 128 visible ASCII characters without a comma, sent once.",
    "invalid_idempotency_key": "Idempotency-Key must be 1 to 128 visible ASCII characters without a comma, sent once.",
    "invalid_if_match": 'If-Match must be a list of ETags, like "s-7", or *. Send ETags exactly as the service '
    "returned them.",
    "invalid_parameter": "limit must be a whole number from 1 to 100.",
    "unauthenticated": "The request is not authenticated. Call the API through its gateway, signed or with a token.",
    "owner_not_allowed": "The token's subject is not a valid owner; docs/api.md lists the allowed characters.",
    "route_not_found": "There is no path /account; docs/api.md lists the requests.",
    "account_not_found": "The account does not exist, or you may not see it.",
    "sequence_not_found": "The account has no event 4 yet: it is at sequence 3.",
    "method_not_allowed": "/accounts does not support DELETE; use one of: POST, OPTIONS.",
    "account_exists": "The account already exists with another owner or currency.",
    "conflict": "Other commands changed the account during every attempt. Nothing was written.",
    "precondition_failed": "The account is at sequence 3: read it and decide again.",
    "body_too_large": "The body may have at most 8192 bytes.",
    "unsupported_media_type": "Send JSON, with the header Content-Type: application/json.",
    "insufficient_funds": "The balance does not cover the amount.",
    "balance_limit_exceeded": "The balance cannot exceed 9999999999999999.99 EUR.",
    "account_full": str(AccountFull("")),
    "transfers_off": "This deployment does not accept transfers (parameter Transfers).",
    "transfer_to_itself": str(TransferToItself()),
    "receiver_refused": str(ReceiverRefused()),
    "idempotency_key_reused": "This Idempotency-Key belongs to another command on this account. Use a new key for "
    "each command.",
    "corrupt": INTERNAL_ERROR,
    "internal_error": INTERNAL_ERROR,
    "unavailable": "The account could not be read in time. Try again.",
}
EXAMPLES: dict[str, Any] = {
    code: {"summary": kind.title, "value": dict(problem(code, _DETAILS[code], REQUEST_ID).body or {})}
    for code, kind in PROBLEMS.items()
}

GATEWAY = {
    400: ("Bad Request", "the request is malformed"),
    401: ("Unauthorized", "send a valid token"),
    403: ("Forbidden", "sign the request, with permission to invoke the API"),
    404: ("Not Found", "check the address: it is the stack's output `ApiUrl`"),
    413: ("Request Entity Too Large", "send a body of at most 10 MB"),
    429: ("Too Many Requests", "the stage's rate or burst limit is reached; send the request again later"),
    500: ("Internal Server Error", "the API's function failed; the outcome of a command is unknown"),
    503: ("Service Unavailable", "the API's function took too long; the outcome of a command is unknown"),
}
"""API Gateway's own responses by status: the message, and the reason or what to do.

docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and the pages on authorizers, throttling and
Lambda integrations of HTTP APIs. Its other responses (408, 414, 431, 504, ...) are in `DEFAULT`.
"""
DEFAULT = "default"
_OTHERS = "Any other response: from API Gateway itself, in `application/json`, or to an unknown path or method."
SHARED_CODES_MAX = 2
"""Responses with more problems are inlined, because their names would be too long."""
GATEWAY_ALWAYS = set(GATEWAY) - {413}  # only requests with a body


def responses(codes: tuple[str, ...], *, is_head: bool = False) -> dict[str, Any]:
    """The unsuccessful responses, by status; for HEAD, without bodies."""
    if is_head:
        found = {str(status): _described(status, found) for status, found in _by_status(codes).items()}
        return {**found, DEFAULT: {"description": _OTHERS}}
    return {
        **{
            str(status): {"$ref": f"#/components/responses/{_name(status, found)}"}
            if len(found) <= SHARED_CODES_MAX
            else _response(status, found)
            for status, found in _by_status(codes).items()
        },
        DEFAULT: {"$ref": f"#/components/responses/{DEFAULT}"},
    }


def shared_responses() -> dict[str, Any]:
    """The components that `responses` refers to, by name."""
    named = {DEFAULT: _other_responses()}
    for codes in (*BY_OPERATION.values(), OF_OPTIONS):
        for status, found in _by_status(codes).items():
            if len(found) <= SHARED_CODES_MAX:
                named[_name(status, found)] = _response(status, found)
    return named


def _by_status(codes: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    statuses = {PROBLEMS[code].status for code in codes} | (
        set(GATEWAY) if "body_too_large" in codes else GATEWAY_ALWAYS
    )
    return {
        status: tuple(code for code, kind in PROBLEMS.items() if code in codes and kind.status == status)
        for status in sorted(statuses)
    }


def _name(status: int, codes: tuple[str, ...]) -> str:
    return ".".join([str(status), *codes])


def _response(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    message = {"message": GATEWAY[status][0]} if status in GATEWAY else None
    return {**_described(status, codes), "content": _content(codes, message, {"status": {"const": status}})}


def _other_responses() -> dict[str, Any]:
    """The responses that belong to no operation: to unknown paths and methods, and API Gateway's other responses."""
    codes = (*OF_NO_OPERATION, *UNREACHABLE)
    return {"description": _OTHERS, "content": _content(codes, {"message": "Endpoint request timed out"}, {})}


def _content(codes: tuple[str, ...], message: dict[str, str] | None, more: dict[str, Any]) -> dict[str, Any]:
    """The content by media type. If both the service and API Gateway can answer, each media type allows both bodies.

    Most generated clients use one schema for each status.

    Args:
        codes: the codes of the service's problems.
        message: an example of API Gateway's body; None if it never answers with this status.
        more: further constraints on a problem's fields.
    """
    problem_schema = {**ref("Problem"), "properties": {"code": {"enum": list(codes)}, **more}}
    shapes = [*([problem_schema] if codes else []), *([ref("GatewayMessage")] if message else [])]
    schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    content: dict[str, Any] = {}
    if codes:
        examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
        content["application/problem+json"] = {"schema": schema, "examples": examples}
    if message:
        content["application/json"] = {"schema": schema, "example": message}
    return content


def _described(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    """The description and the headers, which are optional if API Gateway can answer: its responses lack them."""
    reasons = [f"`{code}`: {PROBLEMS[code].advice}" for code in codes]
    names = (*IDS, *{405: ("Allow",), 409: ("Retry-After",), 503: ("Retry-After",)}.get(status, ()))
    if status not in GATEWAY:
        return {"description": "\n".join(f"- {reason}" for reason in reasons), "headers": headers(names)}
    reasons.append(f"API Gateway itself, in `application/json`: {GATEWAY[status][1]}")
    return {"description": "\n".join(f"- {reason}" for reason in reasons), "headers": headers((), names)}
