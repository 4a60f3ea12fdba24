"""The callers of requests: the function, which may crash at any request, and operators, whose jobs may pause."""

import threading
from collections.abc import Callable
from typing import Protocol

from tests.simulation.projector.fault_plan import FaultPlan


class Caller(Protocol):
    @property
    def is_function(self) -> bool:
        """Whether the caller is the projector's function."""

    def interrupt(self) -> None:
        """Called before and after each request: other callers may act, or the caller may crash."""

    def spend(self, seconds: float) -> None:
        """Let the duration of a request pass."""


class Function:
    """The projector's function."""

    is_function = True

    def __init__(self, fault_plan: FaultPlan) -> None:
        self.interrupt = fault_plan.interrupt
        self.spend = fault_plan.spend


class Operator:
    """An operator's jobs, each of which advances by one request per step.

    Only one thread runs at a time, so the same seed always produces the same order. Time that a job spends does not
    pass for other callers.
    """

    is_function = False

    def __init__(self, fault_plan: FaultPlan) -> None:
        self._fault_plan = fault_plan
        self._spent_s = 0.0
        self._at_work: Job | None = None

    def clock(self) -> float:
        return self._fault_plan.clock() + self._spent_s

    def spend(self, seconds: float) -> None:
        self._spent_s += seconds

    def interrupt(self) -> None:
        if self._at_work is not None and not self._fault_plan.is_calm:
            self._at_work.pause()

    def step(self, job: "Job") -> bool:
        """Let a job make its next request. False: the job has ended. Raises the job's error."""
        self._at_work = job
        try:
            return job.step()
        finally:
            self._at_work = None


class _Abandoned(BaseException):
    """The operator abandons a job."""


class Job:
    """A function in a separate thread that stops at every `pause`."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._go, self._stop = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._stop.acquire()
        self._is_over = self._is_abandoned = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self) -> bool:
        self._go.release()
        self._stop.acquire()
        if self._error is not None:
            raise self._error
        return not self._is_over

    def pause(self) -> None:
        self._stop.release()
        self._go.acquire()
        if self._is_abandoned:
            raise _Abandoned

    def abandon(self) -> None:
        """End the job at its current request."""
        if not self._is_over:
            self._is_abandoned = True
            self.step()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_abandoned:
                self._work()
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again by `step`
            self._error = error
        self._is_over = True
        self._stop.release()
