"""Fixtures for every kind of test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
import pytest
from hypothesis import HealthCheck, settings

from account_events.testing import MemoryKinesis, plugin
from account_events.testing.mapping import Handler
from local_stack.emulator import forget_aws_settings
from tests.support import seeds
from tests.support.module_projector import deployed_projector as deployed

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

pytest_plugins = ("pytester",)

forget_aws_settings()
# By default every botocore session has its own loader. A shared one reads each service's model once for the whole run.
botocore.session.create_loader = cache(botocore.session.create_loader)
# No test asserts a duration, because a slow machine is not a failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


SIMULATED = {"contract", "simulation"}
"""Folders whose tests draw fresh seeds."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin if the installed package is not this checkout, and set the seed that all workers inherit."""
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "account_events")
    seeds.run_seed()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print the seeds before the first test, because pytest omits its header with -q, this project's default."""
    _announce_seeds(session.config, [item.nodeid for item in session.items])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: "WorkerController", ids: list[str]) -> None:
    """Print the seeds when tests run in workers, because the parent process collects no tests."""
    if node.gateway.id == "gw0":
        _announce_seeds(node.config, ids)


def _announce_seeds(config: pytest.Config, names: list[str]) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and any(SIMULATED.intersection(Path(name.partition("::")[0]).parts) for name in names):
        reporter.write_line(seeds.announcement())


@pytest.fixture
def deployed_projector(memory_kinesis: MemoryKinesis) -> Iterator[Callable[..., Callable[[], Handler]]]:
    """`deployed_projector(rows=...)` creates handlers from the projector's real Lambda module, offline."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(deployed(memory_kinesis, **options))
