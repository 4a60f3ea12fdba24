"""The console's page when something is gone: its server, the stack, the token."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.console import given
from tests.e2e.console.fake_server import FakeConsole, serving
from tests.e2e.console.viewed import Viewed

View = Callable[..., Viewed]
ACCOUNT = given.account_id(1)


def test_an_unreachable_stack_is_reported_until_it_answers(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 3}
    page = view(f"#account={ACCOUNT}")
    page.is_live()
    gone = {"is_reachable": False, "reason": "Nothing listens on 127.0.0.1:4566.", "advice": "Run make up."}
    console.send("status", given.status(**gone))
    page.shows("#notice", "The stack is not reachable. Nothing listens on 127.0.0.1:4566.")
    page.shows("#notice", "Run make up. The console tries again by itself.")
    page.shows("#attention-summary", "What is shown was true at the last answer.")
    page.shows("#account-head", ACCOUNT)
    assert set(page.texts(".hop .state strong")) == {"unknown"}
    console.send("status", given.status())
    expect(page.tab.locator("#notice")).to_be_empty()
    page.shows("#attention-summary", "Nothing")


def test_a_server_that_goes_away_is_found_again(browser: BrowserContext, console: FakeConsole) -> None:
    with serving(console) as url:
        page = Viewed(browser, url)
        page.is_live()
        console.publish(*given.events_of(ACCOUNT, 2))
        page.counts("#events tr", 2)
    page.shows("#connection", "not connected")
    page.shows("#attention-summary", "This page is not connected. What is shown was true at 14:04:07.")
    page.shows("#notice", "This page tries again by itself, and keeps what it shows.")
    page.counts("#events tr", 2)
    with serving(console, int(url.rsplit(":", 1)[1].rstrip("/"))):
        page.is_live()
        expect(page.tab.locator("#notice")).to_be_empty()
        console.publish(given.events_of(ACCOUNT, 9)[-1])
        page.counts("#events tr", 3)
        page.tab.close()


def test_a_server_that_falls_silent_is_noticed(browser: BrowserContext, console: FakeConsole) -> None:
    """A process that is suspended, for example by Ctrl-Z, keeps its connections open and answers nothing."""
    with serving(console) as url:
        page = Viewed(browser, url, clock=True)
        page.is_live()
        page.tab.clock.fast_forward(20_000)
        page.is_live()
        page.tab.clock.fast_forward(10_000)
        page.shows("#connection", "not connected")
        page.shows("#notice", "The console does not answer.")
        page.tab.clock.fast_forward(5_000)
        page.is_live()  # it connects again
        page.tab.close()


def test_a_page_without_a_token_states_where_the_address_is(view: View, console: FakeConsole) -> None:
    refusal = {"code": "no_token", "message": "No token.", "advice": "Open the address that make up prints."}
    console.refusals["/api"] = 401, refusal
    page = view()
    page.shows("#notice", "This page has no valid token.")
    page.shows("#notice", "Open the address that make up prints.")
    page.shows("#connection", "refused")


def test_a_page_too_many_can_try_again(view: View, console: FakeConsole) -> None:
    refusal = {"code": "too_many_pages", "message": "Four pages are open.", "advice": "Close another one."}
    console.refusals["/api/events"] = 409, refusal
    page = view()
    page.shows("#notice", "Too many pages of this console are open.")
    console.refusals.clear()
    page.tab.get_by_role("button", name="Try again").click()
    page.is_live()
    expect(page.tab.locator("#notice")).to_be_empty()


@pytest.mark.parametrize("path", ["/api/commands", "/api/doctor", "/api/charts"])
def test_a_failing_request_shows_what_to_do(view: View, console: FakeConsole, path: str) -> None:
    console.refusals[path] = 503, {"code": "unavailable", "message": "It is busy.", "advice": "Wait a little."}
    page = view()
    page.is_live()
    button = {"/api/commands": "Open an account", "/api/doctor": "Run doctor", "/api/charts": "Draw the charts"}[path]
    shown = {"/api/commands": "#send-result", "/api/doctor": "#doctor-state", "/api/charts": "#charts"}[path]
    page.tab.get_by_role("button", name=button).click()
    page.shows(shown, "It is busy.")
    page.shows(shown, "Wait a little.")
