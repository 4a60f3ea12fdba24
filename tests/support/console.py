"""The console of a local stack, in a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from local_stack.faults.switch import FaultSwitch
from local_stack.local_deployment import LocalDeployment
from ops.cli.local_subject import local_subject
from ops.console.server import ConsoleServer

SWAGGER_URL = "http://127.0.0.1:1/"


@contextmanager
def running_console(deployment: LocalDeployment, *, scripts_may_break: bool = True) -> Iterator[ConsoleServer]:
    """The console as `account-events up` starts it. `address` is what a browser opens."""
    with (
        FaultSwitch(deployment) as switch,
        ConsoleServer(local_subject(deployment, switch, SWAGGER_URL, scripts_may_break=scripts_may_break)) as server,
    ):
        yield server
