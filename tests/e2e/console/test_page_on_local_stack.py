"""The console's page on the real server of a local stack: commands, faults, repair.

With ACCOUNT_EVENTS_SCREENSHOTS=FOLDER, it also makes the documents' pictures.
"""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from typer.testing import CliRunner

from local_stack import address
from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from ops.console.server import ConsoleServer
from tests.e2e.console.viewed import HEIGHT, Viewed
from tests.support.console import running_console

SEEN_MS = 30_000
"""The local stack delivers within a second, but on a busy machine everything takes longer."""
ALARM_ENDS_MS = 90_000
"""Half a minute after its cause has ended."""
ATTEMPTS = 30
SCREENSHOTS = os.environ.get("ACCOUNT_EVENTS_SCREENSHOTS")


@pytest.fixture(scope="module")
def server(deployment: LocalDeployment) -> Iterator[ConsoleServer]:
    with running_console(deployment) as server:
        yield server


@pytest.fixture
def page(browser: BrowserContext, server: ConsoleServer) -> Iterator[Viewed]:
    expect.set_options(timeout=SEEN_MS)
    viewed = Viewed(browser, server.address)
    viewed.url = server.url
    viewed.is_live()
    yield viewed
    viewed.tab.close()
    expect.set_options(timeout=5_000)


def opened(page: Viewed, owner: str = "owner-1") -> str:
    """Open an account with the form; returns its id."""
    tab = page.tab
    tab.get_by_role("radio", name="Open").check()
    tab.get_by_label("Owner").fill(owner)
    tab.get_by_role("button", name="Open an account").click()
    page.shows("#send-result", "The account was opened.")
    account_id = page.tab.url.rpartition("account=")[2]
    page.shows("#account-head", account_id)
    return account_id


def sent(page: Viewed, kind: str, amount: str, times: int = 1) -> None:
    """Send a command of the chosen account, so many times."""
    tab = page.tab
    tab.get_by_role("radio", name=kind).check()
    tab.get_by_label("Amount").fill(amount)
    tab.get_by_label("Times").fill(str(times))
    tab.locator("#send-button").click()
    page.shows("#send-result", f"{times} of {times} commands accepted" if times > 1 else f"{kind}")


WITH_ANOTHER_PATH = r"""() => {
  for (const code of document.querySelectorAll("#preparation code"))
    code.textContent = code.textContent.replace(/PATH=\S*\/\.venv/, "PATH=~/account-events/.venv");
}"""
"""A picture must not show where the project is on the machine that made it."""


def show(tab: Page, name: str, selector: str = "body", height: int = HEIGHT) -> None:
    """Make a picture for the documents, from this part of the page to the window's end."""
    if not SCREENSHOTS:
        return
    tab.set_viewport_size({"width": 1280, "height": height})
    tab.evaluate("selector => document.querySelector(selector).scrollIntoView()", selector)
    tab.evaluate(WITH_ANOTHER_PATH)
    tab.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
    tab.set_viewport_size({"width": 1280, "height": HEIGHT})


def test_an_event_travels_from_its_command_to_the_page(page: Viewed) -> None:
    opened(page, "owner-2")
    sent(page, "Credit", "80.00", 3)
    sent(page, "Withdraw", "19.90", 2)
    account_id = opened(page)
    page.shows(f"#events [title='{account_id}'] >> nth=0", account_id[:8])
    sent(page, "Credit", "12.50", 11)
    page.shows("#account-head", "137.50")
    page.counts("#rows .is-snapshot", 1)
    page.counts("#rows .is-read", 10)
    page.shows("#fold-note", "begins with the snapshot in version 10")
    page.tab.get_by_label("Only the chosen account").check()
    page.counts("#events tr", 12)
    assert page.texts("#events .nth") == [f"#{sequence}" for sequence in range(12, 0, -1)]
    page.shows("#accounts", "137.50 EUR")
    page.shows("#account-head", "up to date, 137.50")
    page.tab.get_by_label("Only the chosen account").uncheck()
    sent(page, "Withdraw", "7.25", 4)
    page.shows("#account-head", "up to date, 108.50")
    show(page.tab, "console")
    sent(page, "Withdraw", "7.25", 4)
    page.shows("#account-head", "up to date, 79.50")
    page.shows("#accounts", "79.50 EUR")
    page.tab.get_by_role("slider").focus()
    page.tab.keyboard.press("ArrowLeft")
    show(page.tab, "console-account", "#account", 1_245)
    sent(page, "Withdraw", "79.51")
    page.shows("#send-result", "Status 422")
    assert page.messages == []
    assert {url for url in page.requests if not url.startswith(page.url)} == set()


def test_a_stopped_projector_is_shown_and_order_is_kept(page: Viewed) -> None:
    account_id = opened(page)
    page.tab.get_by_label("Only the chosen account").check()
    page.counts("#events tr", 1)
    page.tab.get_by_role("button", name="Stopped projector").click()
    page.shows("[data-hop=projector] .state", "stopped")
    sent(page, "Credit", "1.00", 5)
    page.shows("#account-head", "5.00")
    page.shows("#attention-groups", "account-events faults end stopped-projector-mapping")
    show(page.tab, "console-fault")
    page.counts("#events tr", 1)
    page.tab.get_by_role("button", name="End all faults").click()
    page.counts("#events tr", 6)
    assert page.texts("#events .nth") == [f"#{sequence}" for sequence in range(6, 0, -1)]
    page.shows("[data-hop=projector] .state", "working")
    page.shows("#account-head", account_id)


def test_a_parked_account_heals_with_the_command_that_is_shown(
    page: Viewed, deployment: LocalDeployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(address, "ADDRESS_FILE", tmp_path / "address.json")
    account_id = opened(page)
    sent(page, "Credit", "3.00")
    page.tab.get_by_role("button", name="Poison row").click()
    page.shows("#attention-summary", "1 parked account")
    page.shows(f".item:has-text('{account_id[:8]}')", "cannot be published")
    page.tab.get_by_role("button", name="End all faults").click()
    page.shows(".fault:has-text('Poison row') .result", f"account-events release {account_id}")
    command = page.text(f".item:has-text('{account_id[:8]}') .command code")
    with deployment.address.published():
        done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    page.shows("#account-head", "up to date, 4.00")
    page.shows("#attention-groups", "The alarm returns to OK with the next event")
    sent(page, "Credit", "1.00")
    page.tab.get_by_role("button", name="Run doctor").click()
    healed = "Nothing: no stoppage, no alarm, no parked account"
    expect(page.tab.locator("#attention-summary")).to_contain_text(healed, timeout=ALARM_ENDS_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_the_real_page(page: Viewed, width: int, scheme: str) -> None:
    page.tab.set_viewport_size({"width": width, "height": 900})
    page.tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    opened(page)
    sent(page, "Credit", "5.00", 3)
    page.shows("#events-order", "each account in order")
    page.tab.get_by_role("button", name="Run doctor").click()
    page.shows("#doctor-state", "doctor ran")
    assert page.violations() == []


def test_the_charts_of_the_day_are_drawn_from_the_lake(page: Viewed) -> None:
    opened(page)
    sent(page, "Credit", "5.00", 3)
    draw = page.tab.locator("#charts-draw")
    for _ in range(ATTEMPTS):  # the delivery writes files every few seconds
        draw.click()
        expect(draw).not_to_have_attribute("aria-disabled", "true")
        if page.tab.locator("#charts svg").count():
            break
        page.tab.wait_for_timeout(1_000)
    page.shows("#charts figcaption >> nth=0", "Busiest")
    assert page.violations() == []
    assert page.messages == []
