"""Looks at the stack again and again, for all pages together, and puts what it finds into the hub."""

import traceback
from collections.abc import Mapping
from itertools import islice
from typing import Any

from local_stack.poll_loop import PollCycle, PollLoop
from ops.console.doctor_runs import DoctorRuns
from ops.console.hub import Hub
from ops.console.subject import UNWATCHED, Pace
from ops.console.watch import Watch

BATCH_MAX = 500
STOP_TIMEOUT_S = 2.0
"""A request in progress may take longer, but has nothing to save."""


class Feed:
    """Two threads per server: one reads the event stream, the other looks at everything else.

    Args:
        watch: the stack.
        hub: receives what is found.
        doctor: runs `doctor` while a page is open.
        pace: how often to look.
    """

    def __init__(self, watch: Watch, hub: Hub, doctor: DoctorRuns, pace: Pace) -> None:
        self._watch, self._hub, self._doctor, self._pace = watch, hub, doctor, pace
        self._repairable = 0
        self._events = PollLoop("console-events", self._read)
        self._status = PollLoop("console-status", self._report)
        hub.on_open = self.look_now

    def start(self, timeout_s: float) -> None:
        """Start. Every event that arrives after the return is shown, if the stack has answered in time."""
        self._events.start()
        self._status.start()
        self._events.wait_until_idle(timeout_s)

    def stop(self) -> None:
        """Stop, within a limited time."""
        self._events.stop(STOP_TIMEOUT_S)
        self._status.stop(STOP_TIMEOUT_S)
        self._doctor.stop()

    def look_now(self) -> None:
        """Look at everything without waiting for the next time."""
        for loop in (self._events, self._status):
            loop.wait_until_idle(0.0)  # asks for a cycle, and does not wait for it

    def wait_until_read(self, timeout_s: float) -> bool:
        """Wait until everything that is on the stream at the time of the call is in the hub."""
        return self._events.wait_until_idle(timeout_s)

    def _read(self, _is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as PollLoop calls it
        pause_s, is_idle = self._pace.events_s * (1.0 if self._hub.pages else UNWATCHED), True
        try:
            events = self._watch.read()
            while batch := list(islice(events, BATCH_MAX)):  # a read may have more events than fit into memory at once
                self._hub.publish(batch)
                is_idle = False
        except Exception:  # noqa: BLE001 -- a defect, which the loop must survive; the terminal shows it
            traceback.print_exc()
        return PollCycle(pause_s, is_idle)

    def _report(self, is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as PollLoop calls it
        try:
            if self._hub.pages or is_awaited:
                status = self._watch.status(self._hub.newest_event)
                self._hub.report(status)
                self._check_repair(_repairable(status))
            if self._hub.pages:
                self._doctor.start_if_older(self._pace.doctor_s)
        except Exception:  # noqa: BLE001 -- as above
            traceback.print_exc()
        return PollCycle(self._pace.status_s, is_idle=True)

    def _check_repair(self, found: int) -> None:
        """Run `doctor` after a repair, so that its earlier findings do not outlast what they are about."""
        if found < self._repairable:
            self._doctor.start()
        self._repairable = found


def _repairable(status: Mapping[str, Any]) -> int:
    """The number of parked accounts, gaps and discarded batches."""
    batches: int = status.get("failed_batches", {}).get("count", 0)
    return len(status.get("parked", ())) + len(status.get("gaps", ())) + batches
