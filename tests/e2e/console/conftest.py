"""A browser, a fake of the console's server, and the page that the browser shows."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import BrowserContext

from tests.e2e.browser import chromium
from tests.e2e.console.fake_server import FakeConsole, serving
from tests.e2e.console.viewed import Viewed


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with chromium(tmp_path_factory.mktemp("profile")) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context


@pytest.fixture
def console() -> FakeConsole:
    return FakeConsole()


@pytest.fixture
def view(browser: BrowserContext, console: FakeConsole) -> Iterator[Callable[..., Viewed]]:
    """`view(fragment="", width=1280, scheme="light")` opens the page on the fake server."""
    with ExitStack() as stack:

        def opened(fragment: str = "", width: int = 1280, scheme: str = "light") -> Viewed:
            url = stack.enter_context(serving(console))
            viewed = Viewed(browser, url, fragment, width, scheme)
            stack.callback(viewed.tab.close)
            return viewed

        yield opened
