"""A statement's HTML file in a real browser: it loads nothing, shows each amount, and is accessible."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from ops.report.amounts import money, signed
from ops.report.statement import Balance, Statement, StatementEvent
from ops.report.statement_page import statement_page
from tests.e2e.browser import chromium
from tests.e2e.console.viewed import Viewed
from tests.e2e.page_measures import OVERFLOWING
from tests.unit.report.given import HOSTILE

MOST = Decimal("9999999999999999.99")
AT = "2026-03-{:02}T23:59:59.999999Z"
LONG_ID = "i" * 64


def event(number: int, change: Decimal | None, balance: Decimal, *, other: str | None = None) -> StatementEvent:
    kind = "AccountCreated" if change is None else "BalanceCredited" if change > 0 else "BalanceWithdrawn"
    transfer_id = None if other is None else HOSTILE
    return StatementEvent(number, kind, AT.format(number), change, balance, "EUR", transfer_id, other, HOSTILE)


EXTREME = Statement(
    LONG_ID,
    date(2026, 3, 1),
    date(2026, 3, 31),
    None,
    [
        event(1, None, Decimal("0.00")),
        event(2, MOST, MOST, other=LONG_ID),
        event(3, -MOST, Decimal("0.00"), other=LONG_ID),
        event(4, Decimal("0.01"), Decimal("0.01")),
    ],
    Balance(4, AT.format(4), Decimal("0.01"), "EUR"),
)
EMPTY = Statement("a", date(2026, 1, 1), date(2026, 1, 31), None, [], None)
WRITTEN_AT = datetime(2026, 4, 1, 6, 0)  # noqa: DTZ001 -- UTC


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with chromium(tmp_path_factory.mktemp("profile")) as context:
        yield context


def view(browser: BrowserContext, folder: Path, found: Statement, width: int = 1280, scheme: str = "light") -> Viewed:
    path = folder / "statement.html"
    path.write_text(statement_page(found, "a made-up stack", WRITTEN_AT), encoding="utf-8")
    return Viewed(browser, path.as_uri(), "", width, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("statement", [EXTREME, EMPTY], ids=["extreme", "empty"])
def test_a_statement_is_accessible_and_fits_the_window(
    browser: BrowserContext, tmp_path: Path, statement: Statement, width: int, scheme: str
) -> None:
    page = view(browser, tmp_path, statement, width, scheme)
    assert page.evaluate(OVERFLOWING) == []
    assert (page.requests, page.messages) == ([page.url], [])
    assert page.violations() == []
    page.tab.close()


def test_every_event_is_a_row_with_its_amounts(browser: BrowserContext, tmp_path: Path) -> None:
    page = view(browser, tmp_path, EXTREME)
    rows = [row.locator("td").all_inner_texts() for row in page.tab.locator("tbody tr").all()]
    assert [row[-1] for row in rows] == [
        *("no event yet", money(Decimal(0)), money(MOST), money(Decimal(0)), money(Decimal("0.01"))),
        money(Decimal("0.01")),
    ]
    assert [row[-2] for row in rows[1:-1]] == ["", signed(MOST), signed(-MOST), signed(Decimal("0.01"))]
    assert rows[2][1].startswith(f"Transfer from {LONG_ID}")
    assert rows[3][1].startswith(f"Transfer to {LONG_ID}")
    assert HOSTILE in rows[4][1]
    page.tab.close()
