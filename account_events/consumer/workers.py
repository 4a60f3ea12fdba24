"""Who carries out the calls of an inbox's store: the calling thread, or several threads at a time.

    Consumer(Inbox(DynamoDBInbox(client, "inbox"), handle), workers=Threads(32))

Only calls of the store run in these threads. `handle`, the decoder and all other code of the kit run in the thread that
called `Consumer.receive`.
"""

from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

Started = Future[Any]
"""A call that was started. It has the call's result or error once it is done."""

THREADS_MAX = 100
"""The highest number of threads. Each needs a connection of the store's client."""


class Workers(Protocol):
    """Carries out calls.

    Attributes:
        count: how many calls run at a time.
    """

    @property
    def count(self) -> int: ...

    def start(self, call: Callable[[], Any]) -> Started:
        """Start a call. The caller has started less than `count` calls that are not done."""

    def wait(self, calls: Collection[Started], timeout_s: float | None) -> Collection[Started]:
        """Wait until at least one call is done, and return those that are; none if `timeout_s` has passed."""


class CallingThread:
    """Carries out each call at once, in the thread that starts it."""

    count = 1

    def start(self, call: Callable[[], Any]) -> Started:
        done: Started = Future()
        try:
            done.set_result(call())
        except Exception as error:  # noqa: BLE001 -- whoever started the call handles it
            done.set_exception(error)
        return done

    def wait(self, calls: Collection[Started], timeout_s: float | None) -> Collection[Started]:
        del timeout_s  # all calls are done
        return tuple(calls)


class Threads:
    """Carries out calls in threads, which start when they are needed and live as long as the process.

    Args:
        count: how many calls run at a time, 2 to THREADS_MAX. The store's client needs a connection for each:
            `botocore.config.Config(max_pool_connections=count)`; its default is 10.

    Raises:
        ValueError: the number is out of range.
    """

    def __init__(self, count: int) -> None:
        if not 2 <= count <= THREADS_MAX:  # noqa: PLR2004 -- the docstring explains it
            raise ValueError(f"Threads needs a number from 2 to {THREADS_MAX}, not {count}.")
        self.count = count
        self._executor = ThreadPoolExecutor(count, "inbox")

    def start(self, call: Callable[[], Any]) -> Started:
        return self._executor.submit(call)

    def wait(self, calls: Collection[Started], timeout_s: float | None) -> Collection[Started]:
        return wait(calls, timeout_s, FIRST_COMPLETED).done
