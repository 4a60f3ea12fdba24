"""The console's page for everybody: keyboard, screen reader, contrast, narrow and wide windows."""

from collections.abc import Callable
from itertools import pairwise
from threading import Event

import pytest
from playwright.sync_api import expect

from tests.e2e.console import given
from tests.e2e.console.fake_server import Answer, FakeConsole
from tests.e2e.console.viewed import Viewed
from tests.e2e.page_measures import CONTRASTS, OVERFLOWING

View = Callable[..., Viewed]
ACCOUNT = given.account_id(1)
CHOSEN = f"#account={ACCOUNT}"
WIDTHS = (360, 768, 1280, 1600)
CONTROLS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, summary, [tabindex='0']")]
  .filter(each => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
  .filter(each => each.type !== "radio" || each.checked)"""
NAMED = "each => (each.id || each.outerHTML.slice(0, 120))"
HAS_FOCUS_RING = """() => {
  const at = document.activeElement;
  const shown = at.type === "radio" ? at.nextElementSibling : at;
  const { outlineStyle, outlineWidth } = getComputedStyle(shown);
  return at.id === "skip" || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);
}"""
IS_HIDDEN_BY_PATH = """() => {
  const at = document.activeElement;
  const bar = document.querySelector(".path-bar");
  if (bar.contains(at) || getComputedStyle(bar).position !== "sticky" || at.id === "skip") return false;
  const [box, over] = [at.getBoundingClientRect(), bar.getBoundingClientRect()];
  return box.bottom <= over.bottom && over.top <= 0.5;
}"""


@pytest.fixture
def busy(console: FakeConsole) -> FakeConsole:
    """A stack with accounts and rows, in which much is wrong."""
    console.accounts = given.accounts(range(30))
    console.versions = {given.account_id(number): 24 for number in range(30)}
    console.status, console.findings = given.troubled_status(), given.findings()
    console.charts = given.CHARTS
    return console


def filled(page: Viewed, console: FakeConsole) -> None:
    """Let events arrive, open all details and draw the charts."""
    page.is_live()
    console.publish(*given.events_of(ACCOUNT, 24))
    page.counts("#events tr", 22)
    page.tab.locator("#events [data-control=fields]").first.click()
    page.tab.get_by_role("button", name="Draw the charts").click()
    page.counts("#charts svg", 2)
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.shows("#account-head", ACCOUNT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_a_full_page(view: View, busy: FakeConsole, width: int, scheme: str) -> None:
    page = view(CHOSEN, width, scheme)
    filled(page, busy)
    page.tab.get_by_role("button", name="Credit", exact=True).click()
    page.shows("#send-result", "Credited")
    assert page.violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_an_empty_page(view: View, width: int, scheme: str) -> None:
    page = view("", width, scheme)
    page.shows("#first-steps", "Open an account")
    assert page.violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_read_only_or_lost_page(view: View, console: FakeConsole, scheme: str) -> None:
    console.stack = given.stack(is_local=False)
    page = view("", 1280, scheme)
    page.shows("#mode", "read-only")
    assert page.violations() == []
    console.refusals["/api/events"] = 409, {"code": "too_many_pages", "message": "Four are open.", "advice": ""}
    console.disconnect()
    page.shows("#notice", "Too many pages")
    assert page.violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(view: View, busy: FakeConsole, scheme: str) -> None:
    page = view(CHOSEN, 1280, scheme)
    filled(page, busy)
    texts = [(text, ratio) for kind, text, ratio in page.evaluate(CONTRASTS) if kind in {"text", "large"}]
    assert len(texts) > 300
    assert [(text, ratio) for text, ratio in texts if ratio < 4.5] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(view: View, busy: FakeConsole, width: int) -> None:
    page = view(CHOSEN, width)
    filled(page, busy)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_extreme_values_fit(view: View, console: FakeConsole, width: int) -> None:
    name, amount = "x" * 64, "9999999999999999.99"
    console.stack = given.stack() | {"name": "n" * 128}
    console.accounts = [{**given.accounts([0])[0], "account_id": name, "owner": "o" * 64, "balance": amount}]
    [row] = given.rows(1)
    wide = {**row, "kind": "CREDIT", "amount": amount, "balance": amount, "correlation_id": "c" * 128}
    step = {**wide, "version": 1}
    console.versions = {name: 1}
    console.account_changes = {"rows": [wide], "steps": [step, step], "read_model": {"sequence": 1, "balance": amount}}
    console.findings = given.findings() | {"incomplete": ["i" * 300]}
    page = view(f"#account={name}", width)
    page.is_live()
    console.publish(given.published(name, wide))
    page.counts("#events tr", 1)
    page.shows("#account-head", name)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_tab_reaches_every_control_with_a_visible_focus(view: View, busy: FakeConsole, width: int) -> None:
    page = view(CHOSEN, width)
    filled(page, busy)
    expected = page.evaluate(f"() => ({CONTROLS})().map({NAMED})")
    assert len(expected) > 60
    reached: list[str] = []
    page.tab.locator("#skip").focus()
    for _ in range(len(expected) + 5):
        reached.append(page.evaluate(f"() => ({NAMED})(document.activeElement)"))
        assert page.evaluate(HAS_FOCUS_RING), reached[-1]
        assert not page.evaluate(IS_HIDDEN_BY_PATH), reached[-1]
        page.tab.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement === document.body"):
            break
    assert set(expected) - set(reached) == set()


def test_the_main_job_is_done_with_the_keyboard_alone(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Enter")  # skips to what needs attention
    assert page.evaluate("() => document.activeElement.id") == "attention"
    for name in ("Run doctor", "Open"):
        page.tab.keyboard.press("Tab")
        assert page.focused() == name
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Enter")  # in the field for the owner: sends the form
    page.shows("#send-result", "The account was opened.")
    [account] = console.versions
    page.shows("#account-head", account)
    toggle = page.tab.get_by_role("button", name="Stopped lake")
    toggle.focus()
    page.tab.keyboard.press("Space")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    assert page.focused().endswith("Stopped lake")


def test_headings_and_landmarks_give_an_outline(view: View, busy: FakeConsole) -> None:
    page = view(CHOSEN)
    filled(page, busy)
    levels = page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4')].filter(each => each.checkVisibility())"
        ".map(each => Number(each.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tab = page.tab
    assert [tab.get_by_role(role).count() for role in ("banner", "main", "contentinfo", "search")] == [1, 1, 1, 1]
    assert set(
        page.evaluate("() => [...document.querySelectorAll('table')].map(t => t.tHead.rows[0].cells.length > 1)")
    ) == {True}


def test_many_events_do_not_flood_a_screen_reader(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    page.evaluate(
        "() => { window.changes = []; new MutationObserver(all => window.changes.push(...all))"
        ".observe(document.getElementById('announcer'), {childList: true, characterData: true, subtree: true}); }"
    )
    for number in range(100):
        console.publish(*given.events_of(given.account_id(number), 5))
    page.shows("#events-order", "500 events of 100 accounts")
    page.shows("#announcer", "arrived")
    assert page.evaluate("() => window.changes.length") <= 2


def test_the_figures_of_charts_are_not_read_out(view: View, busy: FakeConsole) -> None:
    page = view()
    page.tab.get_by_role("button", name="Draw the charts").click()
    page.shows("#announcer", "2 charts of 2026-09-30.")
    assert page.evaluate("() => document.getElementById('charts').closest('[role=status], [aria-live]')") is None
    busy.charts = given.NO_CHARTS
    page.tab.get_by_role("button", name="Draw again").click()
    page.shows("#announcer", "The lake has no events yet.")


def test_only_the_result_of_many_commands_is_read_out(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 3}
    result = console.command_answer({"kind": "credit", "account_id": ACCOUNT})
    may_answer = Event()

    def answer(_: given.Json) -> Answer:
        assert may_answer.wait(30)
        return result

    console.command_answer = answer
    page = view(CHOSEN)
    page.tab.get_by_label("Times").fill("3")
    page.tab.locator("#send-button").click()
    expect(page.tab.locator("#send-result")).to_have_attribute("aria-busy", "true")
    may_answer.set()
    page.shows("#send-result", "3 of 3 commands accepted")
    expect(page.tab.locator("#send-result")).not_to_have_attribute("aria-busy", "true")


def test_the_focus_has_a_place_after_the_last_fault_ended(view: View, console: FakeConsole) -> None:
    console.status = given.status(faults=given.faults({"stopped-lake"}))
    page = view()
    page.tab.get_by_role("button", name="End all faults").focus()
    page.tab.keyboard.press("Enter")
    expect(page.tab.locator("#faults-on")).to_be_hidden()
    expect(page.tab.locator("#attention")).to_be_focused()


def test_no_request_leaves_the_page_and_nothing_is_logged(view: View, busy: FakeConsole) -> None:
    page = view(CHOSEN)
    filled(page, busy)
    page.tab.emulate_media(color_scheme="dark", reduced_motion="no-preference")
    busy.publish(*given.events_of(given.account_id(3), 5))
    page.counts("#events tr:not(.more)", 27)
    assert {url for url in page.requests if not url.startswith(page.url)} == set()
    assert page.messages == []


def test_reduced_motion_moves_nothing(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    running = "() => document.getAnimations().length"
    console.publish(*given.events_of(ACCOUNT, 2))
    page.counts("#path.pulse", 1)
    assert page.evaluate(running) == 0
    page.tab.emulate_media(reduced_motion="no-preference")
    page.counts("#path.pulse", 0)
    console.publish(*given.events_of(given.account_id(2), 2))
    page.counts("#path.pulse", 1)
    assert page.evaluate(running) > 0
