"""A statement on every store: its pages, its bounds and its requests."""

from datetime import date
from decimal import Decimal

from account_core.domain.commands import CreateAccount, Credit
from account_core.service.head import Origin
from account_core.service.ports import AccountStore
from account_core.service.service import AccountService
from account_core.service.statement import Days, Place
from account_core.service.usage import Usage

EVENTS = 60
PER_DAY = 4


def grow(store: AccountStore) -> AccountService:
    """An account whose events occur at midnight and at 6, 12 and 18 o'clock, from 1 March on."""
    service = AccountService(store)
    for number in range(EVENTS):
        command = Credit(Decimal(number)) if number else CreateAccount("owner-1", "EUR")
        at = f"2026-03-{1 + number // PER_DAY:02}T{6 * (number % PER_DAY):02}:00:00.000000Z"
        service.execute("account-1", command, Origin(at, "correlation-1", "request-1"))
    return service


def test_a_statement_has_the_events_of_its_days(store: AccountStore) -> None:
    service = grow(store)
    days, place = Days(date(2026, 3, 3), date(2026, 3, 11)), None
    sequences, requests = list[int](), list[int]()
    while not requests or place:
        used = Usage()
        page = service.statement("account-1", days, place, limit=10, owner=None, used=used)
        assert page.opening is not None
        assert page.closing is not None
        assert (page.opening.sequence, page.closing.sequence) == (8, 44)
        sequences += [row.sequence for row in page.lines]
        requests.append(used.requests)
        place = page.following
    assert sequences == list(range(9, 45))
    assert requests[0] <= 2 + 2 * 3  # 60 events are 66 rows, log2(6.6) rounded up is 3
    assert requests[1:] == [3, 3, 3]


def test_a_day_before_the_first_event_has_no_balances(store: AccountStore) -> None:
    service = grow(store)
    days = Days(date(2026, 2, 1), date(2026, 2, 28))
    page = service.statement("account-1", days, None, limit=10, owner=None, used=Usage())
    assert (page.opening, page.lines, page.closing, page.following) == (None, [], None, None)


def test_a_page_from_the_middle_can_be_read_alone(store: AccountStore) -> None:
    service = grow(store)
    days = Days(date(2026, 3, 1), date(2026, 3, 31))
    page = service.statement("account-1", days, Place(0, 55, EVENTS), limit=10, owner="owner-1", used=Usage())
    assert page.opening is None
    assert [row.sequence for row in page.lines] == [56, 57, 58, 59, 60]
    assert page.following is None
