"""The local stack as its console shows it: wires the console to the fakes, which run in the same process."""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_stack.address import ADDRESS_FILE, ADDRESS_VARIABLE
from local_stack.alarms.local_alarms import WINDOW_S, LocalAlarms
from local_stack.faults.requests import Switch, answer
from local_stack.local_deployment import LocalDeployment
from ops.console.local_progress import Fakes
from ops.console.subject import LocalParts, SharedClients, Subject

READ_MODEL_MAPPING = "AccountsByOwnerMapping"


def local_subject(deployment: LocalDeployment, switch: Switch, swagger_url: str, *, scripts_may_break: bool) -> Subject:
    """The running local stack.

    Args:
        deployment: the stack.
        switch: begins and ends its faults.
        swagger_url: the address of its Swagger UI.
        scripts_may_break: whether scripts may let faults begin.
    """
    alarms = LocalAlarms(deployment.address)
    parts = LocalParts(
        fakes=Fakes(
            projector=deployment.mapping.status,
            read_model=deployment.mappings[READ_MODEL_MAPPING].status,
            delivery=lambda: deployment.firehose.status(),  # noqa: PLW0108 -- a fault replaces the runner
        ),
        alarms=lambda: firing(alarms),
        answer_faults=lambda method, path, body, may_begin: answer(switch, method, path, body, may_begin=may_begin),
        scripts_may_break=scripts_may_break,
        swagger_url=swagger_url,
        preparation=preparation(os.environ, Path(sys.executable).parent, shutil.which("account-events")),
    )
    shared = SharedClients.local(deployment.address)
    return Subject(shared, deployment.address.outputs["StackName"], parts)


def preparation(environment: Mapping[str, str], folder: Path, found: str | None) -> str:
    """What makes a new terminal find the commands of this project and the running local stack; empty if nothing has to.

    Args:
        environment: of this process, which another terminal may not have.
        folder: has the commands.
        found: where the shell finds them; None if it does not.
    """
    settings = [] if found else [f'PATH={shlex.quote(f"{folder}")}:"$PATH"']
    if ADDRESS_VARIABLE in environment:
        settings.append(f"{ADDRESS_VARIABLE}={shlex.quote(f'{ADDRESS_FILE.absolute()}')}")
    return f"export {' '.join(settings)}" if settings else ""


def firing(alarms: LocalAlarms) -> Sequence[dict[str, str]]:
    """The alarms that would fire on AWS."""
    states = alarms.evaluate(time.time() - WINDOW_S)
    return [{"name": each.name, "reason": each.reason, "runbook": each.runbook} for each in states if each.is_alarm]
