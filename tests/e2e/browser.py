"""Chromium for the tests of pages, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 20_000


@contextmanager
def chromium(profile: Path) -> Iterator[BrowserContext]:
    """A browser with a profile in this empty folder. Without Chromium, the test is skipped or fails."""
    executable = next((found for name in NAMES if (found := shutil.which(name))), None)
    if executable is None:
        message = "No Chromium was found. Install Debian's package chromium."
        if os.environ.get("ACCOUNT_EVENTS_BROWSER") == "required":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, headless=True, args=list(FLAGS)
        )
        context.set_default_timeout(TIMEOUT_MS)
        yield context
        context.close()
