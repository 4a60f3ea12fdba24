"""The page is one self-contained file with the right figures."""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.report.badge import NEVER, Badge
from ops.report.figures import Figures, figures_of
from ops.report.origin import ReportOrigin
from ops.report.page import CHARTED_MAX, page
from tests.support.lake import made_up
from tests.unit.report.given import DAY, HOSTILE, NOON, lake, moved, opened

IMPRINT = ReportOrigin("the stack accounts", datetime(2026, 9, 30, 6, 0))  # noqa: DTZ001 -- UTC
VOID = {"meta", "link", "br", "img", "input"}


class ParsedPage(HTMLParser):
    """The tags, attributes and words of a page. Raises AssertionError unless every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(figures: Figures, badge: Badge = NEVER, now: datetime = IMPRINT.written_at) -> str:
    return page(figures, badge, replace(IMPRINT, written_at=now))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    rows = made_up(7, 200, 40, 4_000)
    return figures_of(lake(tmp_path_factory.mktemp("lake"), rows), date.fromisoformat(rows[-1]["dt"]))


@pytest.fixture(scope="module")
def text(usual: Figures) -> str:
    return report(usual)


def test_the_page_has_its_sections_in_order_and_is_small(usual: Figures, text: str) -> None:
    assert re.findall(r"<h2 id=\"(\w+)\"", text) == ["day", "flow", "volume", "movements", "balances"]
    assert text.startswith("<!doctype html>")
    assert len(text.encode()) < 1_000_000
    assert report(usual) == text


def test_the_page_makes_no_requests_and_its_policy_forbids_them(text: str) -> None:
    read = ParsedPage(text)
    assert not {"script", "iframe", "object", "embed", "form", "base", "image", "a", "use"} & read.tags.keys()
    for tag, name, value in read.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name != "style", tag
        if name in {"href", "src", "xlink:href", "action"}:
            assert (tag, value) == ("link", "data:,")
    assert "url(" not in text
    assert "@import" not in text
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    [style] = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ")[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]


def test_ids_are_unique_and_every_reference_is_to_an_id(text: str) -> None:
    attributes = ParsedPage(text).attributes
    ids = Counter(value for _, name, value in attributes if name == "id")
    assert set(ids.values()) == {1}
    references = {value for _, name, value in attributes if name in {"aria-labelledby", "aria-describedby"}}
    assert references
    assert references <= ids.keys()


def test_the_page_has_every_figure_of_a_currency(usual: Figures, text: str) -> None:
    for each in usual.currencies:
        [statement] = re.findall(rf'data-currency="{each.currency}">(.*?)</table>', text, re.DOTALL)
        shown = re.findall(r'<data value="([^"]*)">', statement)
        assert each.balances
        assert [Decimal(figure) for figure in shown] == [
            each.opening,
            each.flow.credited,
            -each.flow.withdrawn,
            each.flow.net,
            each.closing,
            each.flow.opened,
            each.balances.accounts,
        ]


def test_a_figures_value_and_text_agree(text: str) -> None:
    for value, shown in re.findall(r'<data value="([^"]*)">([^<]*)</data>', text):
        assert Decimal(shown.replace("\u202f", "").replace("\u2212", "-")) == Decimal(value)


def test_markup_in_account_ids_is_shown_as_text(tmp_path: Path) -> None:
    rows = [opened(HOSTILE), moved(HOSTILE, 2, "5.00", "5.00"), moved("a\u202eb\x00", 2, "4.00", "4.00")]
    text = report(figures_of(lake(tmp_path, rows), DAY))
    read = ParsedPage(text)
    assert not {"script", "a", "img"} & read.tags.keys()
    assert HOSTILE in read.words
    assert "\u202e" not in text
    assert "\x00" not in text


def test_the_badge_has_words_a_symbol_and_a_colour(usual: Figures) -> None:
    text = report(usual, Badge("bad", "Differs from <b>", "1 event", "account-events reconcile"))
    assert 'class="badge bad"' in text
    assert "Differs from &lt;b&gt;" in text
    assert {"✕", "account-events reconcile"} <= set(ParsedPage(text).words)
    assert "Differs from &lt;b&gt;</title>" in text


def test_an_empty_day_is_stated(tmp_path: Path) -> None:
    rows = [opened("a", at=NOON - timedelta(days=2)), moved("a", 2, "5.00", "5.00", at=NOON - timedelta(days=2))]
    text = ParsedPage(report(figures_of(lake(tmp_path, rows), DAY))).text
    for shown in (
        "The lake has no events on this day.",
        "EUR: no movements on this day",
        "No events occurred on this day.",
        "Nothing was credited or withdrawn on this day.",
        "No accounts had an event on this day.",
    ):
        assert shown in text


def test_an_empty_lake_is_stated(tmp_path: Path) -> None:
    text = ParsedPage(report(figures_of(DuckDBEngine(str(tmp_path)), DAY))).text
    assert "No account had been opened by this day." in text
    assert "no earlier days in the lake" in text
    assert "Net flow of" not in text


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (NOON - timedelta(days=1), "This day has not begun yet."),
        (NOON, "This day is not over: the figures are as of 12:00:00."),
        (NOON.replace(hour=0) + timedelta(days=1, minutes=14), "This day has just ended"),
    ],
)
def test_a_day_that_is_not_over_is_stated(tmp_path: Path, now: datetime, shown: str) -> None:
    figures = figures_of(lake(tmp_path, [opened("a")]), DAY)
    assert shown in report(figures, now=now)
    later = report(figures, now=NOON + timedelta(days=2))
    assert shown not in later


def test_outdated_totals_are_reported_with_advice(usual: Figures) -> None:
    old = replace(usual, currencies=tuple(replace(each, missing=2) for each in usual.currencies))
    text = ParsedPage(report(old)).text
    assert "has 6 fewer events than the day has (CHF, EUR, USD)." in text
    assert "account-events lake totals" in text
    assert "daily_totals" not in report(replace(usual, currencies=()))


def test_totals_with_too_few_and_too_many_events_report_both(usual: Figures) -> None:
    off = {"CHF": -1, "EUR": 0, "USD": 1}
    old = replace(usual, currencies=tuple(replace(each, missing=off[each.currency]) for each in usual.currencies))
    text = ParsedPage(report(old)).text
    assert "has 1 fewer event than the day has (USD) and 1 more event than the day has (CHF)." in text


def test_totals_that_were_not_updated_cause_a_warning(usual: Figures) -> None:
    text = ParsedPage(page(usual, NEVER, replace(IMPRINT, totals_are_fresh=False))).text
    assert "was not updated for this report" in text
    assert "account-events lake totals" in text
    assert "daily_totals" not in ParsedPage(report(usual)).text


def test_only_the_busiest_of_many_currencies_are_drawn(usual: Figures) -> None:
    one = usual.currencies[0]
    names = [f"C{number:02}" for number in range(12)]
    flows = [replace(one.flow, opened=number) for number in range(12)]
    many = tuple(
        replace(one, currency=name, flow=flow, days=((usual.day, flow),))
        for name, flow in zip(names, flows, strict=True)
    )
    text = report(replace(usual, currencies=many))
    assert set(re.findall(r'id="flow-(C\d\d)-wide-title"', text)) == set(names[-CHARTED_MAX:])
    assert re.findall(r'data-currency="(C\d\d)"', text) == names
    assert "The tables also show the other 4" in text
    assert len(text.encode()) < 1_000_000


def test_a_currency_without_net_flow_is_named_and_not_drawn(tmp_path: Path) -> None:
    rows = [opened("a", "SEK"), opened("b"), moved("b", 2, "5.00", "5.00")]
    text = report(figures_of(lake(tmp_path, rows), DAY))
    assert "No net flow in these 30 days in SEK." in text
    assert "flow-SEK" not in text


def test_a_publication_on_another_day_has_its_date(tmp_path: Path) -> None:
    rows = [opened("a") | {"published_at": "2026-08-21 00:00:01.000000"}]
    assert "on 21 Aug 2026, 00:00:01" in report(figures_of(lake(tmp_path, rows), DAY))
