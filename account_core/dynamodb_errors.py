"""DynamoDB's errors in this package's words.

Which codes mean what: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError  # noqa: A004 -- botocore's

from account_core.errors import Unavailable
from account_core.events import StoredRow
from account_core.items import from_item
from account_core.ports import LostRace

_NO_ANSWER = (ConnectionError, HTTPClientError, IncompleteReadError)
# The request was fine and may pass later.
_TRANSIENT = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
}
# Another transaction has the row in hand.
_IN_A_TRANSACTION = {"TransactionConflictException", "ReplicatedWriteConflictException"}
# Why a transaction was cancelled, where the reason is load and not the condition.
_TRANSIENT_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


def lost_race(error: ClientError) -> LostRace | None:
    """The race that a write lost, if that is why it failed."""
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return LostRace(_row_in(error.response))
    if code in _IN_A_TRANSACTION:
        return LostRace()
    reasons = _reasons(error)
    for reason in reasons:
        if reason.get("Code") == "ConditionalCheckFailed":
            return LostRace(_row_in(reason))
    return LostRace() if any(reason.get("Code") == "TransactionConflict" for reason in reasons) else None


def unavailable(error: Exception, detail: str) -> Unavailable | None:
    """That the table could not be reached or had no time, if that is why a request failed.

    Args:
        error: the SDK's.
        detail: for the caller, where it is unknown whether the request was carried out.
    """
    if isinstance(error, _NO_ANSWER):
        return Unavailable(detail)
    if not isinstance(error, ClientError):
        return None
    if any(reason.get("Code") in _TRANSIENT_REASONS for reason in _reasons(error)):
        return Unavailable("The account's table is throttled; nothing was stored.")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if error.response["Error"]["Code"] in _TRANSIENT or status >= 500:  # noqa: PLR2004 -- HTTP's server errors
        return Unavailable(detail)
    return None


def _reasons(error: ClientError) -> list[Any]:
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    return reasons


def _row_in(answer: Any) -> StoredRow | None:  # noqa: ANN401 -- botocore types neither the answer nor a cancellation reason
    return from_item(answer["Item"]) if answer.get("Item") else None
