"""The engine `aws` of `reconcile`: shows what the stack's state machine does until it has a result."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.result import ReconciliationResult
from ops.lake.reconcile.state_machine import Progress, reconciled_on_aws, stop_command
from ops.terminal import err

if TYPE_CHECKING:
    from collections.abc import Callable


def result_on_aws(lake: Lake) -> ReconciliationResult:
    """The result of the state machine, with progress on stderr. An interruption leaves the state machine running."""
    shown = _Shown()
    try:
        with err.status("starting") as status:
            shown.update = status.update
            return reconciled_on_aws(lake, now=datetime.now(UTC), wait=time.sleep, progress=shown)
    except KeyboardInterrupt:
        stop = f", or stop it with `{stop_command(shown.execution)}`" if shown.execution else ""
        err.print(
            f"interrupted: the reconciliation goes on; run the command again to watch it{stop}",
            highlight=False,
            soft_wrap=True,
        )
        raise


class _Shown:
    """Prints each phase once, and keeps the execution's ARN."""

    def __init__(self) -> None:
        self.execution = ""
        self.update: Callable[..., object] = _ignore
        self._phase = ""

    def __call__(self, progress: Progress) -> None:
        if not self.execution:
            begin = "watching the running" if progress.joined else "started the"
            _print(f"{begin} reconciliation {progress.execution}")
        self.execution = progress.execution
        if progress.phase != self._phase:
            self._phase = progress.phase
            _print(f"{progress.since:%H:%M:%S} UTC: {progress.phase}")
        self.update(f"{progress.phase}, since {progress.since:%H:%M:%S} UTC")


def _print(text: str) -> None:
    err.print(f"[dim]{text}[/]", highlight=False, soft_wrap=True)


def _ignore(_text: str) -> None:
    """Show nothing."""
