"""Calls of an inbox's store in progress at the same time, in an order that a seed determines, in one thread."""

from collections.abc import Callable, Collection
from random import Random
from typing import Any

from account_events.consumer.workers import Started


class SeededWorkers:
    """A fake of `Threads`: a call is carried out while the caller waits, in any order.

    Args:
        random: chooses the calls that are done, and when a caller runs out of time.
        count: how many calls are in progress at a time.
        times_out: whether a caller that waits with a limit of time may run out of it. The calls in progress are then
            carried out later: after the batch, or never.
    """

    def __init__(self, random: Random, count: int, *, times_out: bool = False) -> None:
        self.count = count
        self._random, self._times_out = random, times_out
        self._calls: dict[Started, Callable[[], Any]] = {}

    def start(self, call: Callable[[], Any]) -> Started:
        started = Started()
        started.set_running_or_notify_cancel()
        self._calls[started] = call
        return started

    def wait(self, calls: Collection[Started], timeout_s: float | None) -> Collection[Started]:
        """Carry out one to all of the calls. An error that is not an Exception is raised here: the process ends."""
        assert 0 < len(calls) <= self.count, "more calls than allowed are in progress"
        if timeout_s is not None and self._times_out and self._random.random() < 0.1:
            return ()
        due = self._random.sample(list(calls), self._random.randint(1, len(calls)))
        for started in due:
            self._carry_out(started)
        return due

    def finish(self) -> int:
        """Carry out the calls that nobody waits for any more, as the threads of a process do; return their number."""
        late = list(self._calls)
        for started in late:
            self._carry_out(started)
        return len(late)

    def forget(self) -> None:
        """The process has ended, and its calls with it."""
        self._calls.clear()

    def _carry_out(self, started: Started) -> None:
        call = self._calls.pop(started, None)
        if call is None:
            return  # another worker's batch, in the middle of an earlier call, has carried it out
        try:
            started.set_result(call())
        except Exception as error:  # noqa: BLE001 -- the caller handles it
            started.set_exception(error)
