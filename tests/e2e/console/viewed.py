"""The console's page in a browser tab."""

from typing import Any, Literal, cast

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

HEIGHT = 900


class Viewed:
    """The page, with its requests and what it logs.

    Args:
        browser: opens a tab.
        url: the address of the console.
        fragment: is appended to it.
        width: of the window, in pixels.
        scheme: "light" or "dark".
        clock: whether the test moves the page's clock.
    """

    def __init__(
        self,
        browser: BrowserContext,
        url: str,
        fragment: str = "",
        width: int = 1280,
        scheme: str = "light",
        *,
        clock: bool = False,
    ) -> None:
        self.url = url
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.tab: Page = browser.new_page()
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("console", lambda message: self.messages.append(message.text))
        self.tab.on("pageerror", lambda error: self.messages.append(str(error)))
        self.tab.set_viewport_size({"width": width, "height": HEIGHT})
        self.tab.emulate_media(color_scheme=cast("Literal['light', 'dark']", scheme), reduced_motion="reduce")
        if clock:
            self.tab.clock.install()
        self.tab.goto(f"{url}{fragment}")

    def evaluate(self, script: str, argument: object = None) -> Any:  # noqa: ANN401 -- the script's result
        return self.tab.evaluate(script, argument)

    def text(self, selector: str) -> str:
        return self.tab.locator(selector).inner_text()

    def texts(self, selector: str) -> list[str]:
        return [each.inner_text() for each in self.tab.locator(selector).all()]

    def shows(self, selector: str, text: str) -> None:
        """Wait until the element has this text."""
        expect(self.tab.locator(selector)).to_contain_text(text)

    def counts(self, selector: str, number: int) -> None:
        """Wait until there are so many elements."""
        expect(self.tab.locator(selector)).to_have_count(number)

    def is_live(self) -> None:
        self.shows("#connection", "live")

    def violations(self) -> list[str]:
        """What axe finds on the page."""
        found = Axe().run(self.tab).response["violations"]
        return [f"{each['id']}: {each['help']}: {[node['html'][:150] for node in each['nodes']]}" for each in found]

    def focused(self) -> str:
        """The focused element's name or text, for tests that use the keyboard."""
        return str(
            self.evaluate(
                "() => { const at = document.activeElement;"
                " return at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || at.id; }"
            )
        ).strip()
