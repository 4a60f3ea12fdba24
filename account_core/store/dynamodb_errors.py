"""Translate DynamoDB's errors into this package's, by the classification of `account_events.dynamodb_errors`.

- CONDITION and CONFLICT: VersionConflict. The version is taken, or another transaction is writing the row.
- TRANSIENT: Unavailable, which the API returns as 503 with Retry-After.
- REFUSED because the item collection is full: AccountFull. Only tables with a local secondary index have this limit. It
  is permanent, because no row is ever deleted.
- Other REFUSED, CONFIGURATION and UNKNOWN errors are not translated. The API returns them as `internal_error` and logs
  them, and they raise the alarm on 5xx. A caller cannot cause a REFUSED error: the API checks ids, keys, parameters and
  amounts against limits far below DynamoDB's, and `ports.check_rows` checks rows.
"""

from account_core.domain.errors import AccountFull, Unavailable
from account_core.rows.items import from_item
from account_core.service.ports import VersionConflict
from account_events.dynamodb_errors import FULL, Kind, failure_of


def version_conflict(error: Exception) -> VersionConflict | None:
    """VersionConflict if a write failed because of one; otherwise None."""
    failure = failure_of(error)
    for each in failure.causes():
        if each.kind is Kind.CONDITION:
            return VersionConflict(from_item(each.item) if each.item else None)
    return VersionConflict() if failure.codes(Kind.CONFLICT) else None


def account_full(error: Exception) -> AccountFull | None:
    """AccountFull if a write failed because the account's item collection is full; otherwise None."""
    if FULL.isdisjoint(failure_of(error).codes(Kind.REFUSED)):
        return None
    return AccountFull(
        "The account has reached the size limit of its table. Nothing was written; no further command can succeed."
    )


def unavailable(error: Exception, detail: str) -> Unavailable | None:
    """Unavailable if the table could not be reached, timed out or throttled the request; otherwise None.

    Args:
        error: the SDK's error.
        detail: the message if it is unknown whether the request was carried out.
    """
    failure = failure_of(error)
    if failure.kind is Kind.TRANSIENT:
        return Unavailable(detail)
    if failure.codes(Kind.TRANSIENT):
        return Unavailable("The account's table is throttled. Nothing was written. Try again.")
    return None
