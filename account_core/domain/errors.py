"""The errors of this package, as a tree ordered by what the caller must do.

AccountError
├── InvalidRequest        4xx  the request is malformed or not allowed: correct it
├── Rejected              422  the request is well formed, but a rule of the domain forbids it: do something else
│   ├── AccountNotFound   404
│   ├── SequenceNotFound  404
│   ├── AccountExists     409
│   ├── InsufficientFunds
│   ├── BalanceLimitExceeded
│   ├── AccountFull
│   ├── TransferToItself
│   ├── ReceiverRefused
│   └── IdempotencyKeyReused
├── PreconditionFailed    412  the account has changed since the caller read it: read it again, decide again
├── Conflict              409  every attempt met a version conflict: send the command again
├── Unavailable           503  the store throttled the request or timed out: wait; without a key, read the account first
└── Corrupt               500  stored rows contradict each other: stop, park the account, raise an alarm

`code` is the stable, public name of an error; the text is for people and may change. `api/problems.py` maps codes to
HTTP.
"""


class AccountError(Exception):
    code = "account_error"


class InvalidRequest(AccountError):
    """The request breaks the API's contract; sending it again unchanged cannot help."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class Rejected(AccountError):
    """A rule of the domain refused the request; nothing was written."""

    code = "rejected"


class AccountNotFound(Rejected):
    code = "account_not_found"

    def __init__(self) -> None:
        super().__init__("The account does not exist, or you may not see it.")


class SequenceNotFound(Rejected):
    code = "sequence_not_found"


class AccountExists(Rejected):
    code = "account_exists"


class InsufficientFunds(Rejected):
    code = "insufficient_funds"


class BalanceLimitExceeded(Rejected):
    code = "balance_limit_exceeded"


class AccountFull(Rejected):
    """The store cannot hold more rows of this account, so it refuses every command; nothing was written."""

    code = "account_full"

    def __init__(self, account_id: str) -> None:
        super().__init__(
            "The account has reached the size limit of its table. Nothing was written; no further command can succeed."
        )
        self.account_id = account_id


class TransferToItself(Rejected):
    code = "transfer_to_itself"

    def __init__(self) -> None:
        super().__init__("An account cannot transfer money to itself: `to` must be another account.")


class ReceiverRefused(Rejected):
    """The receiving account cannot take the transfer; nothing was written.

    No reason is given: the payer may not learn whether an account of another owner exists, or what is in it.
    """

    code = "receiver_refused"

    def __init__(self) -> None:
        super().__init__(
            "The receiving account cannot take this transfer: there is no such account, it has another currency, or it "
            "cannot hold the amount."
        )


class IdempotencyKeyReused(Rejected):
    """The key belongs to another command on this account, which was carried out; this command was not."""

    code = "idempotency_key_reused"


class PreconditionFailed(AccountError):
    """The account is at none of the sequences that the caller named; nothing was written."""

    code = "precondition_failed"


class Conflict(AccountError):
    """All attempts met a version conflict; nothing was written, and the command may be sent again."""

    code = "conflict"


class Unavailable(AccountError):
    """The store throttled the request or did not answer in time.

    If a write raises it, the outcome is unknown: the row may have been stored. A command with an idempotency key can be
    sent again unchanged; without one, read the account first.
    """

    code = "unavailable"


class Corrupt(AccountError):
    """A stored row has an unknown type or format, or contradicts the rows before it; no retry helps."""

    code = "corrupt"
