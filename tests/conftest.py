"""Fixtures for every kind of test."""

from hypothesis import HealthCheck, settings

from ops.emulator import forget_aws_settings

# By its name, too, where this project is not installed as it is here; pytest loads it once either way.
pytest_plugins = ("account_events.testing.plugin",)

forget_aws_settings()
# No test asserts a time, and a machine that is slow today is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
