"""One piece of work beside another: a call to AWS is mostly waiting."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

There = TypeVar("There")
Here = TypeVar("Here")
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

CALLS_MAX = 10
"""At a time: as many connections as botocore's client keeps."""


class Beside:
    """A second thread, kept for the next time."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1)

    def __call__(self, there: Callable[[], There], here: Callable[[], Here]) -> tuple[Callable[[], There], Here]:
        """As `project.Beside`. Both have ended when this does: no call stays open while the environment is frozen."""
        future = self._executor.submit(there)
        try:
            return future.result, here()
        finally:
            wait((future,))


class Concurrent:
    """Threads for calls that wait at the same time. They are started when they are first needed, and kept."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=CALLS_MAX)

    def __call__(self, call: Callable[[Asked], Answered], items: Sequence[Asked]) -> list[Answered]:
        """As `first_sight.Concurrently`. All calls have ended when this returns or raises."""
        if len(items) <= 1:
            return [call(item) for item in items]
        futures = [self._executor.submit(call, item) for item in items]
        wait(futures)
        return [future.result() for future in futures]
