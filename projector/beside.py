"""One piece of work beside another: a call to AWS is mostly waiting."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

There = TypeVar("There")
Here = TypeVar("Here")


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
