"""DynamoDB's errors as this package's errors, by the classification of `account_events.dynamodb_errors`.

- CONDITION and CONFLICT: the version is taken, or another transaction has the row. It is a lost race: decide again.
- TRANSIENT: Unavailable, which is 503 with Retry-After.
- REFUSED because the item collection is full, which only a table with a local secondary index has: every further row of
  the account is refused, and no row is ever deleted. AccountFull.
- Other REFUSED, CONFIGURATION and UNKNOWN are no errors of this package: they go through as they are, are answered with
  `internal_error`, logged, and raise the alarm on 5xx. No caller can cause a REFUSED: ids, keys, parameters and amounts
  are checked at the edge, far within DynamoDB's limits, and rows by `ports.check_rows`.
"""

from account_core.domain.errors import AccountFull, Unavailable
from account_core.rows.items import from_item
from account_core.service.ports import VersionConflict
from account_events.dynamodb_errors import FULL, Kind, failure_of


def version_conflict(error: Exception) -> VersionConflict | None:
    """The race that a write lost, if that is why it failed."""
    failure = failure_of(error)
    for each in failure.causes():
        if each.kind is Kind.CONDITION:
            return VersionConflict(from_item(each.item) if each.item else None)
    return VersionConflict() if failure.codes(Kind.CONFLICT) else None


def account_full(error: Exception) -> AccountFull | None:
    """AccountFull if a write failed because the account's item collection is full; otherwise None."""
    if FULL.isdisjoint(failure_of(error).codes(Kind.REFUSED)):
        return None
    return AccountFull("The account's events fill the space that its table has for one account; nothing was written.")


def unavailable(error: Exception, detail: str) -> Unavailable | None:
    """That the table could not be reached or had no time, if that is why a request failed.

    Args:
        error: the SDK's.
        detail: for the caller, where it is unknown whether the request was carried out.
    """
    failure = failure_of(error)
    if failure.kind is Kind.TRANSIENT:
        return Unavailable(detail)
    if failure.codes(Kind.TRANSIENT):
        return Unavailable("The account's table is throttled; nothing was stored.")
    return None
