"""An account's events, page by page. A page costs one Query, regardless of the age of the account."""

from account_core.domain.events import EventRow
from account_core.rows.items import snapshots_among, version_of
from account_core.service.ports import AccountStore
from account_core.service.usage import Usage


def events_after(
    store: AccountStore, account_id: str, after: int | None, limit: int, used: Usage, *, newest_first: bool
) -> list[EventRow] | None:
    """At most `limit` events, oldest or newest first; None if the account has no rows.

    Args:
        store: where the rows are.
        account_id: the account's id.
        after: the page begins after this sequence, in its direction; None: it begins at the first or the newest event.
        limit: positive.
        used: the cost is added to it.
        newest_first: the direction.
    """
    if newest_first:
        # Query at least row 1: an empty result then means that the account does not exist.
        up_to = None if after is None else max(version_of(after) - 1, 1)
        rows = store.newest(account_id, used, limit=limit + snapshots_among(limit), up_to=up_to)
        found = [row for row in rows if isinstance(row, EventRow) and (after is None or row.sequence < after)]
    else:
        after = after or 0
        first, last = version_of(after + 1), version_of(after + limit)
        rows = store.newest(account_id, used, limit=last - first + 1, up_to=last)
        found = [row for row in reversed(rows) if isinstance(row, EventRow) and row.sequence > after]
    return found[:limit] if rows else None
