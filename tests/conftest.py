"""Fixtures for every kind of test."""

import pytest
from hypothesis import HealthCheck, settings

from account_events.testing import plugin
from ops.emulator import forget_aws_settings

pytest_plugins = ("pytester",)

forget_aws_settings()
# No test asserts a time, and a machine that is slow today is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """The plugin's fixtures, also where this checkout is not what is installed."""
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
