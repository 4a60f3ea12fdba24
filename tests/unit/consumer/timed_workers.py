"""Calls of an inbox's store on a virtual clock: each takes as long as the test decides."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import inf
from typing import Any

from account_events.consumer.workers import Started


@dataclass
class TimedWorkers:
    """A fake of `Threads`. The clock advances only while the caller waits.

    Attributes:
        takes_s: how long the next call takes; infinity: it does not end.
        most: the most calls that were in progress at a time.
    """

    count: int
    takes_s: Callable[[], float] = lambda: 0.005
    now_s: float = 0.0
    most: int = 0
    calls: dict[Started, tuple[float, Callable[[], Any]]] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now_s

    def start(self, call: Callable[[], Any]) -> Started:
        started = Started()
        started.set_running_or_notify_cancel()
        self.calls[started] = self.now_s + self.takes_s(), call
        self.most = max(self.most, len(self.calls))
        return started

    def wait(self, calls: Collection[Started], timeout_s: float | None) -> Collection[Started]:
        ends_s = min(self.calls[each][0] for each in calls)
        latest_s = inf if timeout_s is None else self.now_s + timeout_s
        if ends_s > latest_s:
            self.now_s = latest_s
            return ()
        self.now_s = ends_s
        done = [each for each in calls if self.calls[each][0] == ends_s]
        for each in done:
            self.end(each)
        return done

    def end(self, started: Started) -> None:
        _, call = self.calls.pop(started)
        try:
            started.set_result(call())
        except BaseException as error:  # noqa: BLE001 -- as an executor does
            started.set_exception(error)
