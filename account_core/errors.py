"""What can go wrong, as a tree ordered by what the caller must do.

AccountError
├── InvalidRequest        400  the request cannot be understood: correct it
├── Rejected              422  understood, and the domain said no: do something else
│   ├── AccountNotFound   404
│   ├── AccountExists     409
│   ├── InsufficientFunds
│   └── BalanceLimitExceeded
├── Conflict              409  lost the race again and again: send the command again
├── Unavailable           503  the store is throttled or timed out: wait, look, then send again
└── Corrupt               500  stored data breaks its own rules: stop, park, alarm

`code` is the stable, public name of an error; the text is for people and may change.
"""


class AccountError(Exception):
    code = "account_error"


class InvalidRequest(AccountError):
    """The request breaks the API's contract; sending it again cannot help."""

    def __init__(self, detail: str, code: str = "invalid_request", status: int = 400) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status


class Rejected(AccountError):
    """The command was understood and refused by a rule of the domain; nothing was written."""

    code = "rejected"


class AccountNotFound(Rejected):
    code = "account_not_found"


class AccountExists(Rejected):
    code = "account_exists"


class InsufficientFunds(Rejected):
    code = "insufficient_funds"


class BalanceLimitExceeded(Rejected):
    code = "balance_limit_exceeded"


class Conflict(AccountError):
    """Other writers won every bounded attempt; nothing was written and the command may be sent again."""

    code = "conflict"


class Unavailable(AccountError):
    """The store did not answer in time or throttled.

    Raised by a write, the outcome is unknown: the row may have been stored. Read the account before sending again.
    """

    code = "unavailable"


class Corrupt(AccountError):
    """A stored row has an unknown type or format, or contradicts the rows before it; no retry can help."""

    code = "corrupt"
