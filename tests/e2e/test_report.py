"""The daily report in a real browser: Chromium, driven by Playwright."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route

from ops.report.badge import NEVER, Badge
from ops.report.figures import Figures, figures_of
from ops.report.origin import ReportOrigin
from ops.report.page import page
from tests.e2e.browser import chromium
from tests.e2e.page_measures import CONTRASTS, OVERFLOWING, OVERLAPPING_TEXTS, RENDITIONS
from tests.support.lake import made_up
from tests.unit.report.given import DAY, HOSTILE, NOON, folded, lake, moved, opened

WIDTHS = (360, 768, 1280)
TEXT_CONTRAST_MIN, LARGE_TEXT_CONTRAST_MIN, SHAPE_CONTRAST_MIN = 4.5, 3.0, 3.0
"""WCAG 2.2, level AA: 1.4.3 and 1.4.11."""
CHART_TEXT_PX_MIN = 10.5
IMPRINT = ReportOrigin("a made-up lake", datetime(2026, 9, 30, 6, 0))  # noqa: DTZ001 -- UTC
BADGES = (
    Badge("good", "Reconciled to the cent", "Ledger and lake agree."),
    Badge("caution", "Reconciliation is older than the data shown", "3 hours before.", "account-events reconcile"),
    Badge("bad", "Differs from the ledger", "1 event missing.", "account-events reconcile"),
    NEVER,
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser with an empty profile that may load only files."""
    with chromium(tmp_path_factory.mktemp("profile")) as context:
        yield context


class Viewed:
    """A report in a browser tab, with its requests and console messages."""

    def __init__(self, browser: BrowserContext, path: Path) -> None:
        self.url = path.as_uri()
        self.requests: list[str] = []
        self.refused: list[str | None] = []
        self.messages: list[str] = []
        self.tab: Page = browser.new_page()
        self.tab.on("request", self._record)
        self.tab.on("requestfailed", lambda request: self.refused.append(request.failure))
        self.tab.on("console", lambda message: self.messages.append(message.text))
        self.tab.on("pageerror", lambda error: self.messages.append(str(error)))
        self.tab.route("**/*", self._answer)
        self.tab.goto(self.url)

    def _record(self, request: Request) -> None:
        self.requests.append(request.url)

    def _answer(self, route: Route) -> None:
        if route.request.url == self.url:
            route.continue_()
        else:
            route.abort()

    def evaluate(self, script: str) -> Any:  # noqa: ANN401 -- the script's result
        return self.tab.evaluate(script)

    def unfold(self) -> None:
        """Open all details by clicking on each, as a reader does."""
        for summary in self.tab.locator("summary").all():
            summary.click()


def _view(browser: BrowserContext, folder: Path, figures: Figures, badge: Badge) -> Viewed:
    path = folder / "report.html"
    path.write_text(page(figures, badge, IMPRINT), encoding="utf-8")
    return Viewed(browser, path)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    rows = made_up(8, 150, 40, 4_000)
    day = datetime.fromisoformat(rows[-1]["occurred_at"]).date() - timedelta(days=1)
    figures = figures_of(lake(tmp_path_factory.mktemp("lake"), rows), day)
    assert figures == folded(rows, day)
    return figures


@pytest.fixture(scope="module")
def extreme(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """Figures with the longest possible amounts and ids."""
    most, name = "9999999999999999.99", HOSTILE + "x" * 200
    rows = [opened(name), moved(name, 2, most, most), moved(name, 3, f"-{most}", "0.00")]
    rows += [moved("口座-Zoë", 2, "0.01", "0.01"), moved("b", 2, most, most), moved("c", 2, "-5.00", "-5.00")]
    rows += [moved("d", 2, most, most, "CHF", NOON.replace(hour=23, minute=59)), opened("e", "SEK")]
    return figures_of(lake(tmp_path_factory.mktemp("lake"), rows), DAY)


@pytest.fixture
def viewed(browser: BrowserContext, tmp_path: Path, usual: Figures) -> Iterator[Viewed]:
    found = _view(browser, tmp_path, usual, BADGES[0])
    yield found
    found.tab.close()


@pytest.fixture
def viewed_extreme(browser: BrowserContext, tmp_path: Path, extreme: Figures) -> Iterator[Viewed]:
    found = _view(browser, tmp_path, extreme, BADGES[2])
    yield found
    found.tab.close()


def test_the_page_makes_no_requests_and_logs_no_errors(viewed: Viewed, viewed_extreme: Viewed) -> None:
    for each in (viewed, viewed_extreme):
        each.unfold()
        each.tab.emulate_media(color_scheme="dark")
        assert each.requests == [each.url]
        assert each.messages == []


def test_an_injected_script_or_picture_is_blocked(browser: BrowserContext, tmp_path: Path) -> None:
    figures = Figures(DAY, (), (), None, None, ())
    text = page(figures, NEVER, IMPRINT)
    path = tmp_path / "report.html"
    path.write_text(
        text.replace("<main>", "<main><script>document.title = 'ran'</script><img src='https://example.org/x.png'>")
    )
    found = Viewed(browser, path)
    assert found.tab.title().startswith("Daily report")
    assert found.refused == ["csp"]
    violated = [re.findall("violates.*(script-src|img-src)", each, re.DOTALL) for each in found.messages]
    assert {directive for directives in violated for directive in directives} == {"script-src", "img-src"}
    found.tab.close()


def test_the_page_shows_the_figures_of_the_events(viewed: Viewed, usual: Figures) -> None:
    tab = viewed.tab
    assert [each.inner_text() for each in tab.locator("h2").all()] == [
        "The day by currency",
        "Net flow of the last 30 days",
        "Volume by hour",
        "Largest movements",
        "Balances of the active accounts",
    ]
    assert _shown(tab, ".headline data") == [usual.events, usual.accounts, usual.opened]
    viewed.unfold()
    for each in usual.currencies:
        statement = _shown(tab, f"[data-currency={each.currency}] data")
        assert statement[:5] == [
            each.opening,
            each.flow.credited,
            -each.flow.withdrawn,
            each.flow.net,
            each.opening + each.flow.credited - each.flow.withdrawn,
        ]
        flows = [(flow.credited, -flow.withdrawn, flow.net) for _, flow in reversed(each.days) if flow.events]
        assert _shown(tab, f"[data-flow={each.currency}] data") == [figure for flow in flows for figure in flow]
        movements = [
            (one.sequence, one.amount if one.is_credit else -one.amount, one.balance) for one in each.movements
        ]
        assert _shown(tab, f"[data-movements={each.currency}] data") == [one for three in movements for one in three]
        assert each.balances
        bins = [one.accounts for one in each.balances.bins]
        ends = [each.balances.least, each.balances.median, each.balances.greatest]
        assert _shown(tab, f"[data-balances={each.currency}] data") == [*bins, *ends]
    hours = [(hour.credits, hour.withdrawals, hour.opened, hour.events) for hour in usual.hours]
    assert _shown(tab, "[data-volume] data") == [figure for hour in hours for figure in hour]


def _shown(tab: Page, selector: str) -> list[Decimal]:
    """Return the figures that the page shows."""
    texts = [each.inner_text() for each in tab.locator(selector).all()]
    return [Decimal(text.replace("\u202f", "").replace("\u2212", "-")) for text in texts]


def test_each_chart_has_an_accessible_name(viewed: Viewed, usual: Figures) -> None:
    for width in (360, 1280):
        viewed.tab.set_viewport_size({"width": width, "height": 900})
        drawings = viewed.tab.get_by_role("img")
        assert drawings.count() == 1 + 3 * len(usual.currencies)
        for finding in ("Busiest from", "EUR: at least half of", "EUR: the largest is a"):
            assert viewed.tab.get_by_role("img", name=finding).count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("badge", BADGES, ids=[badge.tone for badge in BADGES])
def test_text_and_shapes_have_enough_contrast(
    browser: BrowserContext, tmp_path: Path, usual: Figures, badge: Badge, scheme: Literal["light", "dark"]
) -> None:
    found = _view(browser, tmp_path, usual, badge)
    found.tab.emulate_media(color_scheme=scheme)
    found.unfold()
    least = {"text": TEXT_CONTRAST_MIN, "large": LARGE_TEXT_CONTRAST_MIN, "shape": SHAPE_CONTRAST_MIN}
    contrasts = found.evaluate(CONTRASTS)
    assert {kind for kind, _, _ in contrasts} == set(least)
    assert [(kind, what, ratio) for kind, what, ratio in contrasts if ratio < least[kind]] == []
    text = found.tab.locator(".badge").inner_text()
    assert badge.symbol in text
    assert badge.summary in text
    assert badge.advice in text
    found.tab.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_page(viewed: Viewed, viewed_extreme: Viewed, width: int) -> None:
    for each in (viewed, viewed_extreme):
        each.tab.set_viewport_size({"width": width, "height": 900})
        each.unfold()
        assert each.evaluate("() => document.documentElement.scrollWidth") == width
        assert each.evaluate(OVERFLOWING) == []
        assert each.evaluate(OVERLAPPING_TEXTS) == []


def test_names_and_labels_do_not_overlap_in_a_wider_font(browser: BrowserContext, tmp_path: Path) -> None:
    """The names use the letter whose width differs most between fonts; there are balances of every size."""
    given = [("i" * 200, "9999999999999999.99"), *((f"a-{digits}", f"{10**digits}.00") for digits in range(16))]
    rows = [moved(name, 2, amount, amount) for name, amount in given]
    found = _view(browser, tmp_path, figures_of(lake(tmp_path, rows), DAY), NEVER)
    for width in WIDTHS:
        found.tab.set_viewport_size({"width": width, "height": 900})
        assert found.evaluate(OVERLAPPING_TEXTS) == []
    found.tab.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_each_chart_shows_the_version_that_fits_the_width(viewed: Viewed, width: int) -> None:
    viewed.tab.set_viewport_size({"width": width, "height": 900})
    renditions = viewed.evaluate(RENDITIONS)
    assert renditions
    for place, shown, sizes in renditions:
        assert shown == ["wide" if place >= 560 else "narrow"]
        assert min(sizes) >= CHART_TEXT_PX_MIN
    assert {tuple(shown) for _, shown, _ in renditions} == ({("narrow",)} if width == 360 else {("wide",), ("narrow",)})


def test_dark_mode_changes_the_colours(viewed: Viewed) -> None:
    background = "() => getComputedStyle(document.body).backgroundColor"
    viewed.tab.emulate_media(color_scheme="light")
    light = (viewed.evaluate(background), viewed.tab.screenshot())
    viewed.tab.emulate_media(color_scheme="dark")
    dark = (viewed.evaluate(background), viewed.tab.screenshot())
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] != light[0]
    assert dark[1] != light[1]


def test_the_printed_page_is_light_and_shows_all_details(viewed: Viewed) -> None:
    viewed.tab.emulate_media(media="print", color_scheme="dark")
    assert viewed.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    visibilities = "() => [...document.querySelectorAll('details table')].map(each => each.checkVisibility())"
    tables = viewed.evaluate(visibilities)
    assert tables
    assert all(tables)
    folded_heights = viewed.evaluate(
        "() => [...document.querySelectorAll('details')].map(each => each.getBoundingClientRect().height)"
    )
    assert min(folded_heights) > 100
    breaks = "() => [...document.querySelectorAll('table, figure')].map(each => getComputedStyle(each).breakInside)"
    assert set(viewed.evaluate(breaks)) == {"avoid"}
    viewed.tab.emulate_media(media=None, color_scheme="dark")
    pages = len(re.findall(rb"/Type\s*/Page\b", viewed.tab.pdf(format="A4")))
    assert 6 <= pages <= 12  # three currencies with thirty days each: all tables, and no page with only a line or two


def test_an_empty_day_and_an_empty_lake_are_readable(browser: BrowserContext, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "none").mkdir()
    before = [opened("a", at=NOON - timedelta(days=1))]
    for folder, rows in ((tmp_path / "some", before), (tmp_path / "none", [])):
        found = _view(browser, folder, figures_of(lake(folder, rows), DAY), NEVER)
        found.tab.set_viewport_size({"width": 360, "height": 900})
        assert "The lake has no events on this day." in found.tab.locator("header").inner_text()
        assert found.evaluate(OVERFLOWING) == []
        assert found.messages == []
        found.tab.close()
