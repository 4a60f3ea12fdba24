"""Reads several sources at the same time. One that cannot be read does not hide the others."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ops.error_advice import advice

T = TypeVar("T")
THREADS = 8
ENDS_WITHIN_S = 2.0
"""How long the threads have to end after an interruption. A request to AWS may take longer."""


class Stopped(Exception):
    """The command was interrupted while a source was being read."""


class Readers:
    """Threads that read sources; use it as a context manager. Leaving it by an error makes them stop.

    They are daemon threads: after Ctrl-C, Python would wait for the requests of a pool's threads.

    Attributes:
        problems: why a source could not be read, by its name.
        report: called with the name of each source that was read.
    """

    def __init__(self, progress: Callable[[str], None]) -> None:
        self.problems: dict[str, str] = {}
        self.report = progress
        self._stop = threading.Event()
        self._slots = threading.BoundedSemaphore(THREADS)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        deadline_s = None
        if kind is not None:
            self._stop.set()
            deadline_s = time.monotonic() + ENDS_WITHIN_S
        for thread in self._threads:
            thread.join(None if deadline_s is None else max(0.0, deadline_s - time.monotonic()))

    def wait(self, seconds: float) -> None:
        """Waits between two requests of a source. Raises Stopped after an interruption."""
        if self._stop.wait(seconds):
            raise Stopped

    def start(self, name: str, read: Callable[[], T], default: T) -> Callable[[], T]:
        """Begins to read a source. The returned callable waits for the result; `default` if it could not be read."""
        return self.begin(lambda: self.now(name, read, default))

    def begin(self, make: Callable[[], T]) -> Callable[[], T]:
        """Begins to make something that takes a while. The returned callable waits for it, and raises its error."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                with self._slots:
                    self.wait(0)
                    future.set_result(make())
            except BaseException as error:  # noqa: BLE001 -- raised again by result()
                future.set_exception(error)

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        return future.result

    def now(self, name: str, read: Callable[[], T], default: T) -> T:
        """Reads a source in this thread."""
        try:
            return read()
        except Stopped:
            return default
        except Exception as error:  # noqa: BLE001 -- what stops one source must not hide what the others have
            self.problems[name] = _line(error)
            return default
        finally:
            self.report(name)


def _line(error: Exception) -> str:
    """The error in one line, with what to do."""
    cause = error.__cause__ if isinstance(error.__cause__, BotoCoreError | ClientError) else error
    what = str(cause) if isinstance(cause, ClientError) else f"{type(cause).__name__}: {cause}"
    text = " ".join(what.split()).rstrip(".")
    return f"{text}. {advice(cause)}".strip().rstrip(".")
