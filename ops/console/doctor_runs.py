"""Runs `doctor` in a thread of its own, one run at a time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ops.console.look import reason
from ops.console.published import as_time
from ops.doctor.finding import INCOMPLETE
from ops.doctor.run import Examination

STOP_TIMEOUT_S = 2.0
FINDINGS_MAX = 100


class DoctorRuns:
    """The runs, and their findings.

    Args:
        examine: runs all checks.
        report: called with the findings for the page, at the start and the end of each run.
        clock: returns seconds since the epoch.
    """

    def __init__(
        self,
        examine: Callable[[], Examination],
        report: Callable[[Mapping[str, Any]], None],
        clock: Callable[[], float],
    ) -> None:
        self._examine, self._report, self._clock = examine, report, clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._findings: Sequence[Mapping[str, Any]] = ()
        self._incomplete: Sequence[str] = ()
        self._ended_s: float | None = None

    def start(self) -> None:
        """Start a run, unless one is in progress."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._run, name="console-doctor", daemon=True)
            self._thread.start()

    def start_if_older(self, age_s: float) -> None:
        """Start a run if there is none and the last one ended longer ago than this."""
        if self._ended_s is None or self._clock() - self._ended_s >= age_s:
            self.start()

    def stop(self) -> None:
        """Wait for a run in progress, for a limited time."""
        thread = self._thread
        if thread is not None:
            thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        self._show(is_running=True)
        try:
            examination = self._examine()
        except Exception as error:  # noqa: BLE001 -- the page shows it, and the next run tries again
            self._incomplete = (f"all checks: {reason(error)}",)
        else:
            found = [each for each in examination.findings if each.kind != INCOMPLETE.name]
            self._findings = [asdict(each) for each in found[:FINDINGS_MAX]]
            self._incomplete = [each.what for each in examination.findings if each.kind == INCOMPLETE.name]
        self._ended_s = self._clock()
        self._show(is_running=False)

    def _show(self, *, is_running: bool) -> None:
        """Report what is known. `at` is the end of the last run."""
        at = None if self._ended_s is None else as_time(datetime.fromtimestamp(self._ended_s, UTC))
        findings, incomplete = list(self._findings), list(self._incomplete)
        self._report({"at": at, "is_running": is_running, "findings": findings, "incomplete": incomplete})
