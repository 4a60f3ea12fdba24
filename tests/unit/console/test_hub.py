"""What pages are sent: everything once, in order, from where they left off."""

import pytest

from ops.console.hub import EVENTS_PER_MESSAGE, PAGES_MAX, SHOWN_AT_FIRST, Cursor, Hub, TooManyPages
from ops.console.recent import ACCOUNTS_MAX, EVENTS_MAX
from tests.unit.console.given import arrivals


def numbers(hub: Hub, cursor: Cursor) -> tuple[list[int], Cursor]:
    """The sequences of all events that a page receives, and where it continues."""
    found: list[int] = []
    while True:
        news, cursor = hub.news(cursor)
        events = next((data for name, data in news if name == "published"), [])
        assert isinstance(events, list)
        if not events:
            return found, cursor
        assert len(events) <= EVENTS_PER_MESSAGE
        found += [each["sequence"] for each in events]


def test_a_page_that_continues_receives_each_event_once() -> None:
    hub, events = Hub("g"), arrivals("a", *["1.00"] * 300)
    hub.publish(events[:250])
    found, cursor = numbers(hub, hub.cursor("g:10"))
    assert found == list(range(11, 251))
    hub.publish(events[250:])
    assert numbers(hub, cursor)[0] == list(range(251, 302))
    assert numbers(hub, hub.cursor(hub.event_id(cursor)))[0] == list(range(251, 302))


@pytest.mark.parametrize("last_event_id", ["", "other:10", "10", "g:", "g:-1", "g:x", "g:¹", "nonsense"])
def test_a_new_page_receives_the_newest_events_only(last_event_id: str) -> None:
    hub = Hub("g")
    hub.publish(arrivals("a", *["1.00"] * 300))
    assert numbers(hub, hub.cursor(last_event_id))[0] == list(range(302 - SHOWN_AT_FIRST, 302))


def test_an_id_from_the_future_is_not_waited_for() -> None:
    hub = Hub("g")
    cursor = hub.cursor("g:999")
    hub.publish(arrivals("a"))
    assert numbers(hub, cursor)[0] == [1]


def test_memory_is_bounded_by_the_newest_events_and_accounts() -> None:
    hub = Hub("g")
    for number in range(EVENTS_MAX + 700):
        hub.publish(arrivals(f"a-{number}"))
    assert len(hub.accounts("", 10_000)) == ACCOUNTS_MAX
    found, _ = hub.news(Cursor(0))
    assert len(numbers(hub, Cursor(0))[0]) == EVENTS_MAX
    assert found[0][0] == "published"


def test_a_status_and_findings_are_sent_once_and_only_the_newest() -> None:
    hub = Hub("g")
    hub.report({"number": 1})
    hub.report({"number": 2})
    hub.found({"findings": []})
    news, cursor = hub.news(hub.cursor(""))
    assert news == [("status", {"number": 2}), ("findings", {"findings": []})]
    assert hub.news(cursor) == ([], cursor)
    hub.report({"number": 3})
    assert hub.news(cursor)[0] == [("status", {"number": 3})]


def test_a_fifth_page_is_refused_until_another_closes() -> None:
    hub = Hub("g")
    open_pages = [hub.page(lambda: None) for _ in range(PAGES_MAX)]
    for each in open_pages:
        each.__enter__()
    with pytest.raises(TooManyPages), hub.page(lambda: None):
        pass
    open_pages[0].__exit__(None, None, None)
    with hub.page(lambda: None):
        assert hub.pages == PAGES_MAX


def test_pages_are_woken_by_news_and_a_closed_one_hinders_no_other() -> None:
    hub, woken, opened = Hub("g"), list[str](), list[str]()
    hub.on_open = lambda: opened.append("opened")

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    with hub.page(closed), hub.page(lambda: woken.append("woken")):
        hub.publish(arrivals("a"))
        hub.report({})
        hub.close()
    hub.report({})
    assert (len(woken), len(opened), hub.is_closed) == (3, 2, True)
