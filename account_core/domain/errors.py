"""What can go wrong, as a tree ordered by what the caller must do.

AccountError
├── InvalidRequest        4xx  the request cannot be understood or is not allowed: correct it
├── Rejected              422  understood, and the domain said no: do something else
│   ├── AccountNotFound   404
│   ├── SequenceNotFound  404
│   ├── AccountExists     409
│   ├── InsufficientFunds
│   ├── BalanceLimitExceeded
│   ├── AccountFull
│   └── IdempotencyKeyReused
├── PreconditionFailed    412  the account has changed since the caller looked: look again, decide again
├── Conflict              409  lost the race again and again: send the command again
├── Unavailable           503  the store is throttled or timed out: wait, look, then send again
└── Corrupt               500  stored data breaks its own rules: stop, park, alarm

`code` is the stable, public name of an error; the text is for people and may change. What each is over HTTP is in
`problems`.
"""


class AccountError(Exception):
    code = "account_error"


class InvalidRequest(AccountError):
    """The request breaks the API's contract; sending it again cannot help."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class Rejected(AccountError):
    """The command was understood and refused by a rule of the domain; nothing was written."""

    code = "rejected"


class AccountNotFound(Rejected):
    code = "account_not_found"


class SequenceNotFound(Rejected):
    code = "sequence_not_found"


class AccountExists(Rejected):
    code = "account_exists"


class InsufficientFunds(Rejected):
    code = "insufficient_funds"


class BalanceLimitExceeded(Rejected):
    code = "balance_limit_exceeded"


class AccountFull(Rejected):
    """The store can hold no more rows of this account, whatever the command; nothing was written."""

    code = "account_full"


class IdempotencyKeyReused(Rejected):
    """The key belongs to another command of this account, which was carried out; this one was not."""

    code = "idempotency_key_reused"


class PreconditionFailed(AccountError):
    """The account is not at a sequence that the caller named; nothing was written."""

    code = "precondition_failed"


class Conflict(AccountError):
    """Other writers won every bounded attempt; nothing was written and the command may be sent again."""

    code = "conflict"


class Unavailable(AccountError):
    """The store did not answer in time or throttled.

    Raised by a write, the outcome is unknown: the row may have been stored. With an idempotency key the command can
    be sent again as it is; without one, read the account first.
    """

    code = "unavailable"


class Corrupt(AccountError):
    """A stored row has an unknown type or format, or contradicts the rows before it; no retry can help."""

    code = "corrupt"
