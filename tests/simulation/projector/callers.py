"""Who makes a request: the function, which may die of it, or an operator, whose next request may take its time."""

import threading
from collections.abc import Callable
from typing import Protocol

from tests.simulation.projector.fault_plan import FaultPlan


class Caller(Protocol):
    @property
    def is_function(self) -> bool:
        """Whether it is the projector."""

    def interrupt(self) -> None:
        """Before a request and behind it: anything else may happen now."""

    def spend(self, seconds: float) -> None:
        """The request takes so long."""


class Function:
    """The projector's function."""

    is_function = True

    def __init__(self, fault_plan: FaultPlan) -> None:
        self.interrupt = fault_plan.interrupt
        self.spend = fault_plan.spend


class Operator:
    """Jobs of an operator's, each of which goes on from one request to the next when it is told to.

    Since only one thread runs at a time, whatever they do, they do it in the same order for the same seed. Their time
    is their own: it passes for nobody else.
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

    def goes_on(self, job: "Job") -> bool:
        """Let a job make its next request; False: it is over. Raises what comes of it."""
        self._at_work = job
        try:
            return job.step()
        finally:
            self._at_work = None


class _Left(BaseException):
    """The operator leaves a job where it is."""


class Job:
    """A function in a thread of its own that stops at every `pause`."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._go, self._stop = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._stop.acquire()
        self._is_over = self._is_left = False
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
        if self._is_left:
            raise _Left

    def leave(self) -> None:
        """It ends where it stands."""
        if not self._is_over:
            self._is_left = True
            self.step()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_left:
                self._work()
        except _Left:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again by `step`
            self._error = error
        self._is_over = True
        self._stop.release()
