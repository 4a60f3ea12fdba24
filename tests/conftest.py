"""Fixtures for every kind of test."""

import pytest
from hypothesis import HealthCheck, settings

from account_events.testing import plugin
from ops.emulator import forget_aws_settings
from tests import seeds

pytest_plugins = ("pytester",)

forget_aws_settings()
# No test asserts a time, and a machine that is slow today is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


SIMULATED = {"contract", "simulation"}
"""Folders whose tests draw fresh seeds."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before the first test, for pytest's own header is not printed with -q, which is this project's default."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and any(SIMULATED.intersection(item.path.parts) for item in session.items):
        reporter.write_line(seeds.announcement())


def pytest_configure(config: pytest.Config) -> None:
    """The plugin's fixtures, also where this checkout is not what is installed."""
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
