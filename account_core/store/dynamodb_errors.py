"""Translate DynamoDB's errors into this package's, by the classification of `account_events.dynamodb_errors`.

- CONDITION: VersionConflict. A version is taken.
- CONFLICT alone: WriteConflict. Another transaction is writing a row with the same key, and perhaps fails as well.
- TRANSIENT: Unavailable, which the API returns as 503 with Retry-After.
- REFUSED because the item collection is full: AccountFull. Only tables with a local secondary index have this limit. It
  is permanent, because no row is ever deleted.
- Other REFUSED, CONFIGURATION and UNKNOWN errors are not translated. The API returns them as `internal_error` and logs
  them, and they raise the alarm on 5xx. A caller cannot cause a REFUSED error: the API checks ids, keys, parameters and
  amounts against limits far below DynamoDB's, and `ports.check_rows` checks rows.
"""

from collections.abc import Sequence

from account_core.domain.errors import AccountFull, Unavailable
from account_core.domain.events import Row
from account_core.rows.items import from_item
from account_core.service.ports import VersionConflict, WriteConflict
from account_events.dynamodb_errors import FULL, Kind, failure_of


def conflict(error: Exception) -> VersionConflict | WriteConflict | None:
    """The conflict with another writer because of which a write failed; otherwise None."""
    failure = failure_of(error)
    if failure.codes(Kind.CONDITION):
        taken = (each.item for each in failure.causes() if each.kind is Kind.CONDITION and each.item)
        return VersionConflict(*map(from_item, taken))
    return WriteConflict() if failure.codes(Kind.CONFLICT) else None


def account_full(error: Exception, rows: Sequence[Row]) -> AccountFull | None:
    """AccountFull if a write of these rows failed because an account's item collection is full; otherwise None.

    A cancelled transaction has a reason for each of its rows, in order.
    """
    failure = failure_of(error)
    full = (row.account_id for row, each in zip(rows, failure.reasons or [failure], strict=False) if each.code in FULL)
    return next((AccountFull(account_id) for account_id in full), None)


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
