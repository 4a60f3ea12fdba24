"""An account's statement for a range of days, page by page: opening balance, events, closing balance.

An account's events never change and their times never go back, so a statement is determined by three sequences: of the
last event before its first day, of the last event that it includes, and of the last event of the previous page. The
first page finds them; each further page gets them back and checks them. So a page costs a bounded number of Queries,
and an event that is stored while a caller reads the pages is on none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from account_core.domain.errors import Corrupt, InvalidRequest
from account_core.domain.events import Created, Credited, EventRow, StoredRow
from account_core.domain.money import EXACT
from account_core.rows.items import interval_of, version_of
from account_core.service.history import events_after
from account_core.service.loading import last_event
from account_core.service.ports import AccountStore
from account_core.service.usage import Usage

OTHER_STATEMENT = "page must be part of a path that next returned, for this account and these days."


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, UTC; both are included."""

    first: date
    last: date

    @property
    def before(self) -> str:
        """Every time before the range is less than this text, and every other time is greater."""
        return self.first.isoformat()

    @property
    def end(self) -> str:
        """The last moment of the range."""
        return f"{self.last.isoformat()}T23:59:59.999999Z"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a further page of a statement begins, and the statement's bounds, all as sequences.

    Attributes:
        opening: of the last event before the first day; 0 if there is none.
        after: of the last event of the previous page.
        through: of the last event of the statement.
    """

    opening: int
    after: int
    through: int


@dataclass(frozen=True, slots=True)
class StatementPage:
    """A page of a statement.

    Attributes:
        opening: the last event before the first day; None if there is none.
        lines: the page's events, oldest first.
        closing: the last event up to the last day; None if there is none.
        following: the place of the next page; None if this is the last.
    """

    opening: EventRow | None
    lines: Sequence[EventRow]
    closing: EventRow | None
    following: Place | None


def statement_page(
    store: AccountStore, account_id: str, days: Days, place: Place | None, *, limit: int, used: Usage
) -> StatementPage | None:
    """A page of the account's statement; None if the account has no rows.

    The first page takes at most 2 + 2 * n requests, with n = log2(versions / 10), rounded up: one for the newest ten
    rows, n for the binary search for each bound, and one for the lines. A further page takes three.

    Args:
        store: where the rows are.
        account_id: the account's id.
        days: the statement's days.
        place: where the page begins; None for the first page.
        limit: the most lines of the page, positive.
        used: the cost is added to it.

    Raises:
        InvalidRequest: `place` is not of this account and these days.
        Corrupt: the page's events have a gap, or a balance that does not follow from the event.
    """
    bounds = _search(store, account_id, days, used) if place is None else _check(store, account_id, days, place, used)
    if bounds is None:
        return None
    opening, closing = bounds
    after = place.after if place else _sequence(opening)
    through = _sequence(closing)
    count = min(limit, through - after)
    lines = _lines(store, account_id, after, count, used) if count else []
    reached = after + len(lines)
    following = Place(_sequence(opening), reached, through) if reached < through else None
    return StatementPage(opening, lines, closing, following)


def _search(
    store: AccountStore, account_id: str, days: Days, used: Usage
) -> tuple[EventRow | None, EventRow | None] | None:
    newest = store.newest(account_id, used)
    if not newest:
        return None
    opening = last_event(store, account_id, days.before, newest, used)
    first_interval = interval_of(opening.version) if opening else 0
    closing = last_event(store, account_id, days.end, newest, used, first_interval=first_interval)
    return opening, closing


def _check(
    store: AccountStore, account_id: str, days: Days, place: Place, used: Usage
) -> tuple[EventRow | None, EventRow] | None:
    # The last event before the first day, and the statement's first event; between them, there may be a snapshot.
    around = store.newest(account_id, used, limit=3, up_to=version_of(place.opening + 1))
    if not around:
        return None
    opening, first = _of(around, place.opening), _of(around, place.opening + 1)
    closing = _of(store.newest(account_id, used, limit=1, up_to=version_of(place.through)), place.through)
    if (
        closing is None
        or first is None
        or not place.opening < place.after < place.through
        or first.occurred_at < days.before
        or closing.occurred_at > days.end
        or (opening is not None and opening.occurred_at > days.before)
    ):
        raise InvalidRequest(OTHER_STATEMENT, "invalid_parameter")
    if place.opening and opening is None:
        raise Corrupt(f"account {account_id}: event {place.opening} is missing")
    return opening, closing


def _lines(store: AccountStore, account_id: str, after: int, count: int, used: Usage) -> list[EventRow]:
    lines = events_after(store, account_id, after, count, used, newest_first=False) or []
    if [row.sequence for row in lines] != list(range(after + 1, after + 1 + count)):
        raise Corrupt(f"account {account_id}: events are missing after sequence {after}")
    for previous, row in pairwise(lines):
        if EXACT.add(previous.balance, change_of(row) or 0) != row.balance:
            raise Corrupt(f"row {account_id}/{row.version}: its balance does not follow from the event before it")
    return lines


def change_of(row: EventRow) -> Decimal | None:
    """By how much the event changed the balance; None for the account's creation."""
    if isinstance(row.event, Created):
        return None
    return row.event.amount if isinstance(row.event, Credited) else EXACT.minus(row.event.amount)


def _of(rows: Sequence[StoredRow], sequence: int) -> EventRow | None:
    return next((row for row in rows if isinstance(row, EventRow) and row.sequence == sequence), None)


def _sequence(row: EventRow | None) -> int:
    return row.sequence if row else 0
