"""DynamoDB's errors in this package's words: the one place that decides which of them can pass.

Sources: AWS, "Error handling with DynamoDB"
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html) and
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html. There are five kinds:

- A version that is taken, or a row in another transaction, is a lost race: decide again.
- Load, faults of the service and lost answers pass by themselves: Unavailable, which is 503 with Retry-After.
- An item collection that is full, which only a table with a local secondary index has, refuses every further row of its
  account: AccountFull. AWS counts it among the errors that may be retried; here no row is ever deleted, so it never
  passes.
- What else DynamoDB refuses in a request's content (ValidationException) no caller can cause: ids, keys, parameters and
  amounts are checked at the edge, far within DynamoDB's limits, and rows by `ports.check_rows`.
- A missing permission, table or key passes once an operator repairs it. This kind and the one before it are no errors
  of this package: they go through as they are, are answered with `internal_error`, logged, and raise the alarm on 5xx.
"""

from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError  # noqa: A004 -- botocore's

from account_core.domain.errors import AccountFull, Unavailable
from account_core.domain.events import StoredRow
from account_core.rows.items import from_item
from account_core.service.ports import LostRace

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
# "Item collection size limit", docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html
_FULL = {"ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded"}


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


def account_full(error: Exception) -> AccountFull | None:
    """AccountFull if a write failed because the account's item collection is full; otherwise None."""
    if not isinstance(error, ClientError):
        return None
    if not _FULL & {error.response["Error"]["Code"], *(reason.get("Code") for reason in _reasons(error))}:
        return None
    return AccountFull("The account's events fill the space that its table has for one account; nothing was written.")


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
