"""Every problem that the API can return: its code, its HTTP status and title, and what the caller should do.

The responses and the OpenAPI document are made from this table, and docs/api.md is tested against it.
"""

from dataclasses import dataclass

RETRY_AFTER_S = 1
RETRIABLE = frozenset({"conflict", "unavailable"})
"""Problems that do not last; their responses have the header Retry-After."""


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    title: str
    advice: str


_INVALID = "Invalid request"
_REJECTED = "Command rejected"
_NAME = "send 1 to 128 visible ASCII characters without a comma"
PROBLEMS: dict[str, Problem] = {
    "invalid_json": Problem(400, _INVALID, "send a JSON object, with each key once and without NaN or Infinity"),
    "invalid_encoding": Problem(400, _INVALID, "send the body in UTF-8"),
    "missing_field": Problem(400, _INVALID, "add the field that `detail` names"),
    "unknown_field": Problem(400, _INVALID, "remove the field that `detail` names"),
    "invalid_amount": Problem(400, _INVALID, "send a positive decimal with at most two decimals and 18 digits"),
    "invalid_owner": Problem(400, _INVALID, "send an opaque id; `detail` lists the allowed characters"),
    "invalid_currency": Problem(400, _INVALID, "send the ISO 4217 code of a currency with two decimals"),
    "invalid_account_id": Problem(400, _INVALID, "send the account id exactly as the service returned it"),
    "invalid_correlation_id": Problem(400, _INVALID, _NAME),
    "invalid_request_id": Problem(400, _INVALID, _NAME),
    "invalid_idempotency_key": Problem(400, _INVALID, _NAME),
    "invalid_if_match": Problem(
        400, _INVALID, "send an ETag exactly as the service returned it; to create an account, leave out `If-Match`"
    ),
    "invalid_parameter": Problem(400, _INVALID, "correct or remove the query parameter that `detail` names"),
    "unauthenticated": Problem(401, "Not authenticated", "call the API through its gateway, signed or with a token"),
    "owner_not_allowed": Problem(
        403, "Not allowed", "use your own accounts only, or send a token with the operators' scope"
    ),
    "transfers_off": Problem(
        403,
        "Not allowed",
        "ask the team that runs the service: it switches transfers on with the parameter `Transfers` of its stack; an "
        "earlier attempt that was not answered may have been carried out: read the account's events",
    ),
    "route_not_found": Problem(404, "Not found", "use one of the API's paths"),
    "account_not_found": Problem(
        404,
        "Account not found",
        "check the account id, the time in `at` and your token: no such account, none at that time, or not visible to "
        "you",
    ),
    "sequence_not_found": Problem(
        404, "Sequence not found", "ask for a lower `atSequence`: the account has no such event yet"
    ),
    "method_not_allowed": Problem(405, "Method not allowed", "use a method that the header `Allow` lists"),
    "account_exists": Problem(
        409, "Account exists", "use the existing account, which has another owner or currency, or create another"
    ),
    "conflict": Problem(
        409, "Too many concurrent commands", "nothing was written; send the command again after `Retry-After`"
    ),
    "precondition_failed": Problem(
        412,
        "Precondition failed",
        "nothing was written; read the account and decide again; if `detail` names an altered ETag, send the original",
    ),
    "body_too_large": Problem(413, _INVALID, "send at most 8 KiB"),
    "unsupported_media_type": Problem(415, _INVALID, "send `Content-Type: application/json`"),
    "insufficient_funds": Problem(
        422, _REJECTED, "nothing was written; withdraw no more than the balance, or credit the account first"
    ),
    "balance_limit_exceeded": Problem(
        422, _REJECTED, "nothing was written; credit less: a balance has at most 18 digits"
    ),
    "account_full": Problem(
        422,
        _REJECTED,
        "nothing was written, and no further command on this account can succeed: its events fill the 10 GB that its "
        "table has for one account; ask the team that runs the service",
    ),
    "transfer_to_itself": Problem(422, _REJECTED, "nothing was written; send the id of another account as `to`"),
    "receiver_refused": Problem(
        422,
        _REJECTED,
        "nothing was written; check the receiving account's id and currency with its owner; no reason is given, "
        "because the account may belong to somebody else",
    ),
    "idempotency_key_reused": Problem(
        422, _REJECTED, "nothing was written; the key belongs to another command: send a new key with this one"
    ),
    "corrupt": Problem(
        500,
        "Internal error",
        "stored rows contradict each other; report the `requestId` to the team that runs the service",
    ),
    "internal_error": Problem(
        500,
        "Internal error",
        "report the `requestId` to the team that runs the service; the outcome of a command is unknown",
    ),
    "unavailable": Problem(
        503,
        "Temporarily unavailable",
        "send a read, or a command with an `Idempotency-Key`, again after `Retry-After`; if a command had no key, read "
        "the account first: the command may have been carried out",
    ),
}
