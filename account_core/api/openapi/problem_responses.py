"""Which problems each operation can answer with, and how they look."""

from typing import Any

from account_core.api import answers
from account_core.api.openapi.examples import REQUEST_ID
from account_core.api.openapi.schemas import IDS, headers, ref
from account_core.api.problems import PROBLEMS

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
    "read_account": (*_OF_A_READ, "sequence_not_found"),
    "list_events": _OF_A_READ,
    "list_accounts": (*_ALWAYS, *_OF_THE_TABLE, "invalid_parameter", "invalid_owner"),
}
OF_OPTIONS = _ALWAYS
OF_NO_OPERATION = ("route_not_found", "method_not_allowed")
"""What other paths and other methods meet."""

UNREACHABLE = ("account_exists",)
"""Over HTTP the service makes the ids: an account that exists is created again only by its own idempotency key."""

_DETAILS = {
    "invalid_json": "The body has to be JSON: a key occurs twice.",
    "invalid_encoding": "The body has to be UTF-8.",
    "missing_field": "Missing: currency.",
    "unknown_field": "Unknown: note. Expected only: amount.",
    "invalid_amount": "amount has to be given with at most 2 decimals.",
    "invalid_owner": "owner has to be an opaque id of 1 to 64 letters, digits or any of '._:|-', but not '.' or '..'; "
    "never a name or an address.",
    "invalid_currency": "currency has to be an ISO 4217 code, in capitals, of a currency with two decimals, like "
    '"EUR".',
    "invalid_account_id": "An account id is 1 to 64 letters, digits, '-' or '_'.",
    "invalid_correlation_id": "X-Correlation-Id has to be 1 to 128 visible ASCII characters without a comma, once.",
    "invalid_request_id": "X-Request-Id has to be 1 to 128 visible ASCII characters without a comma, once.",
    "invalid_idempotency_key": "Idempotency-Key has to be 1 to 128 visible ASCII characters without a comma, once.",
    "invalid_if_match": 'If-Match has to be ETags as they were given, like "s-7", or *.',
    "invalid_parameter": "limit has to be a whole number from 1 to 100.",
    "unauthenticated": "The request was not authenticated.",
    "owner_not_allowed": "The token's subject cannot be an owner: see `owner` in docs/api.md.",
    "route_not_found": "There is no /account here; docs/api.md lists the requests.",
    "account_not_found": "There is no such account.",
    "sequence_not_found": "The account is only at sequence 3.",
    "method_not_allowed": "DELETE is not for /accounts; use one of: POST, OPTIONS.",
    "account_exists": "The account exists already, with another owner or currency.",
    "conflict": "Other commands on this account came first, again and again.",
    "precondition_failed": "The account is at sequence 3: read it and decide again.",
    "body_too_large": "The body may have 8192 bytes at most.",
    "unsupported_media_type": "Send JSON, with the header Content-Type: application/json.",
    "insufficient_funds": "The balance does not cover the amount.",
    "balance_limit_exceeded": "The balance cannot exceed 9999999999999999.99 EUR.",
    "account_full": "The account's events fill the space that its table has for one account; nothing was written.",
    "idempotency_key_reused": "This Idempotency-Key was used for another command: take a new one for this.",
    "corrupt": "The request failed here, not with you. It has been logged.",
    "internal_error": "The request failed here, not with you. It has been logged.",
    "unavailable": "The account could not be read in time.",
}
EXAMPLES: dict[str, Any] = {
    code: {"summary": problem.title, "value": dict(answers.problem(code, _DETAILS[code], REQUEST_ID).body or {})}
    for code, problem in PROBLEMS.items()
}

GATEWAY = {
    400: ("Bad Request", "what was sent is not a request that it can pass on"),
    401: ("Unauthorized", "no valid token"),
    403: ("Forbidden", "no valid signature, or no permission to invoke the API"),
    404: ("Not Found", "no API has this address: check the address that the stack gave out"),
    413: ("Request Entity Too Large", "the body has over 10 MB"),
    429: ("Too Many Requests", "the stage's rate or burst limit; send it again later"),
    500: ("Internal Server Error", "the API's function failed; of a command the outcome is unknown"),
    503: ("Service Unavailable", "the API's function took too long; of a command the outcome is unknown"),
}
"""What API Gateway itself answers by status: its message, and why.

docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and the pages on authorizers, throttling and
Lambda integrations of HTTP APIs. What it may answer besides (408, 414, 431, 504, ...) is in `DEFAULT`.
"""
DEFAULT = "default"
_OTHERS = "Any other answer: API Gateway's, in `application/json`, or that of another path or method."
SHARED_CODES_MAX = 2
"""Answers with more problems than that are written out where they occur: their names would be lists."""
GATEWAY_ALWAYS = set(GATEWAY) - {413}  # which takes a body


def responses(codes: tuple[str, ...], *, is_head: bool = False) -> dict[str, Any]:
    """Every answer that is not a success, by status; to HEAD without a body."""
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
    """What `responses` refers to, by name."""
    named = {DEFAULT: _other_answers()}
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
        status: tuple(code for code, problem in PROBLEMS.items() if code in codes and problem.status == status)
        for status in sorted(statuses)
    }


def _name(status: int, codes: tuple[str, ...]) -> str:
    return ".".join([str(status), *codes])


def _response(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    message = {"message": GATEWAY[status][0]} if status in GATEWAY else None
    return {**_described(status, codes), "content": _content(codes, message, {"status": {"const": status}})}


def _other_answers() -> dict[str, Any]:
    """Those of no operation: of other paths and methods, of the service alone, or API Gateway's."""
    codes = (*OF_NO_OPERATION, *UNREACHABLE)
    return {"description": _OTHERS, "content": _content(codes, {"message": "Endpoint request timed out"}, {})}


def _content(codes: tuple[str, ...], message: dict[str, str] | None, more: dict[str, Any]) -> dict[str, Any]:
    """By media type. Where both can answer, each has both shapes: most generated clients know one schema by status.

    Args:
        codes: of the service's problems.
        message: an example of the gateway's; None if it has none.
        more: what else is known of a problem's fields.
    """
    problem = {**ref("Problem"), "properties": {"code": {"enum": list(codes)}, **more}}
    shapes = [*([problem] if codes else []), *([ref("GatewayMessage")] if message else [])]
    schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    content: dict[str, Any] = {}
    if codes:
        examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
        content["application/problem+json"] = {"schema": schema, "examples": examples}
    if message:
        content["application/json"] = {"schema": schema, "example": message}
    return content


def _described(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    """The gateway's own answers have none of the API's headers, so where both can answer none is promised."""
    reasons = [f"`{code}`: {PROBLEMS[code].advice}" for code in codes]
    names = (*IDS, *{405: ("Allow",), 409: ("Retry-After",), 503: ("Retry-After",)}.get(status, ()))
    if status not in GATEWAY:
        return {"description": "\n".join(f"- {reason}" for reason in reasons), "headers": headers(names)}
    reasons.append(f"API Gateway itself, in `application/json`: {GATEWAY[status][1]}")
    return {"description": "\n".join(f"- {reason}" for reason in reasons), "headers": headers((), names)}
