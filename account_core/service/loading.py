"""Load an account's state: now, as of a version, or as of a moment.

Each request is a Query of ten rows, unless a snapshot cannot be used.
"""

from collections.abc import Sequence

from account_core.domain.events import EventRow, StoredRow
from account_core.rows.items import interval_of, last_version_of
from account_core.service.head import Head, fold, is_enough
from account_core.service.ports import AccountStore
from account_core.service.usage import Usage

PAGE_ROWS_MAX = 1_000
"""How many rows a request reads while no usable snapshot has been found."""


def load(store: AccountStore, account_id: str, used: Usage, up_to: int | None = None) -> Head:
    """The account's state, now or as of version `up_to`; an empty head if it has no rows.

    This takes one request of at most ten rows. If the snapshot among them cannot be used, earlier rows are read page by
    page, back to a usable snapshot or to the account's first row.
    """
    rows = list(store.newest(account_id, used, up_to=up_to))
    while not is_enough(rows):
        used.rebuilt = True
        page = store.newest(account_id, used, limit=PAGE_ROWS_MAX, up_to=rows[-1].version - 1)
        if not page:
            break  # a gap, which `fold` reports
        rows += page
    return fold(rows)


def load_moment(store: AccountStore, account_id: str, moment: str, used: Usage) -> Head:
    """The account as of `moment`: after its last event that is not later; an empty head if it did not exist yet.

    A binary search over the snapshot intervals: at most 2 + log2(versions / 10) requests, rounded up, of ten rows each.

    Args:
        store: where the rows are.
        account_id: the account's id.
        moment: a time in the form that `head.timestamp` returns.
        used: the cost is added to it.
    """
    last = last_event(store, account_id, moment, store.newest(account_id, used), used)
    return load(store, account_id, used, up_to=last.version) if last else Head()


def last_event(
    store: AccountStore,
    account_id: str,
    moment: str,
    newest: Sequence[StoredRow],
    used: Usage,
    *,
    first_interval: int = 0,
) -> EventRow | None:
    """The last event that is not later than `moment`; None if there is none.

    Args:
        store: where the rows are.
        account_id: the account's id.
        moment: compared with `occurred_at` as text.
        newest: the account's newest ten rows.
        used: the cost is added to it.
        first_interval: the event is not in an earlier snapshot interval.
    """
    found = _last_of(newest, moment)
    if found or not newest:
        return found
    first, last = first_interval, interval_of(newest[-1].version - 1)  # the intervals that may contain it
    while first <= last:
        middle = (first + last) // 2
        interval = store.newest(account_id, used, up_to=last_version_of(middle))
        in_interval = _last_of(interval, moment)
        if not in_interval:
            last = middle - 1
            continue
        found = in_interval
        if in_interval.version < interval[0].version - 1:
            break  # the next event is in this interval and is later
        first = middle + 1
    return found


def _last_of(newest: Sequence[StoredRow], moment: str) -> EventRow | None:
    in_time = (row for row in newest if isinstance(row, EventRow) and row.occurred_at <= moment)
    return max(in_time, key=lambda row: row.version, default=None)
