"""Every problem the API can answer with: its code, what it is over HTTP, and what the caller does about it.

The one place for all three: the answers, the OpenAPI description and docs/api.md are made from or tested against it.
"""

from dataclasses import dataclass

RETRY_AFTER_S = 1
RETRIABLE = frozenset({"conflict", "unavailable"})
"""Those that pass by themselves; their answers have the header Retry-After."""


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    title: str
    advice: str


_INVALID = "Invalid request"
_REJECTED = "Command rejected"
PROBLEMS: dict[str, Problem] = {
    "invalid_json": Problem(400, _INVALID, "send a JSON object; each key once; no NaN, no Infinity"),
    "invalid_encoding": Problem(400, _INVALID, "send UTF-8"),
    "missing_field": Problem(400, _INVALID, "`detail` names the field"),
    "unknown_field": Problem(400, _INVALID, "`detail` names the field"),
    "invalid_amount": Problem(400, _INVALID, "send a positive decimal with at most two places and 18 digits"),
    "invalid_owner": Problem(400, _INVALID, "send an opaque id"),
    "invalid_currency": Problem(400, _INVALID, "send the ISO 4217 code of a currency with two decimals"),
    "invalid_account_id": Problem(400, _INVALID, "send the id as it was given"),
    "invalid_correlation_id": Problem(400, _INVALID, "send 1 to 128 visible ASCII characters without a comma"),
    "invalid_request_id": Problem(400, _INVALID, "send 1 to 128 visible ASCII characters without a comma"),
    "invalid_idempotency_key": Problem(400, _INVALID, "send 1 to 128 visible ASCII characters without a comma"),
    "invalid_if_match": Problem(400, _INVALID, "send an ETag as it was given; none to create an account"),
    "invalid_parameter": Problem(400, _INVALID, "`detail` names the query parameter"),
    "unauthenticated": Problem(401, "Not authenticated", "call the API through its gateway, signed or with a token"),
    "owner_not_allowed": Problem(403, "Not allowed", "act for yourself, or with the operators' scope"),
    "route_not_found": Problem(404, "Not found", "see the table of requests"),
    "account_not_found": Problem(404, "Account not found", "no such account, none at that time, or not visible to you"),
    "sequence_not_found": Problem(404, "Sequence not found", "the account has not come so far"),
    "method_not_allowed": Problem(405, "Method not allowed", "use a method that the header `Allow` names"),
    "account_exists": Problem(409, "Account exists", "the account exists with another owner or currency"),
    "conflict": Problem(
        409, "Too many concurrent commands", "nothing was written; send the command again after `Retry-After`"
    ),
    "precondition_failed": Problem(
        412,
        "Precondition failed",
        "nothing was written; read the account, decide again; if `detail` names an altered ETag, send the original",
    ),
    "body_too_large": Problem(413, _INVALID, "send less"),
    "unsupported_media_type": Problem(415, _INVALID, "send `Content-Type: application/json`"),
    "insufficient_funds": Problem(422, _REJECTED, "the balance does not cover the amount; nothing was written"),
    "balance_limit_exceeded": Problem(422, _REJECTED, "the balance would have over 18 digits; nothing was written"),
    "account_full": Problem(
        422,
        _REJECTED,
        "the account's events fill the 10 GB that its table holds for one account; nothing was written, and no further "
        "command can be: call the service's owners",
    ),
    "idempotency_key_reused": Problem(422, _REJECTED, "the key belongs to another command; nothing was written"),
    "corrupt": Problem(500, "Internal error", "the account's rows contradict each other; call the service's owners"),
    "internal_error": Problem(500, "Internal error", "a fault of this service; it has been logged under `requestId`"),
    "unavailable": Problem(
        503,
        "Temporarily unavailable",
        "of a read, or of a command with an `Idempotency-Key`: send it again after `Retry-After`; of a command without "
        "one the outcome is unknown, read the account first",
    ),
}
