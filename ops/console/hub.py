"""What the console knows, shared by the threads that look at the stack and the pages that show it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ops.console.published import Arrived, as_json
from ops.console.recent import EVENTS_MAX, KnownAccount, RecentAccounts, Ring

PAGES_MAX = 4
"""Open pages of one server. A browser opens six connections per server, and each page needs one for requests."""
EVENTS_PER_MESSAGE = 100
SHOWN_AT_FIRST = 200
"""The number of earlier events that a new page is sent."""

Message = tuple[str, object]
"""The name of a server-sent event and its data."""


class TooManyPages(Exception):
    """PAGES_MAX pages are open."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a page was sent: the number of the last event, and of the last status and findings."""

    event: int
    status: int = 0
    findings: int = 0


class Hub:
    """The newest events and accounts, the status and the findings. Thread-safe, and bounded in memory.

    Args:
        generation: identifies this start of the server in the ids of its events.
        on_open: called when a page opens, so that it need not wait for the next poll.
    """

    def __init__(self, generation: str, on_open: Callable[[], None] = lambda: None) -> None:
        self.generation, self.on_open = generation, on_open
        self._lock = threading.Lock()
        self._events, self._accounts = Ring(EVENTS_MAX), RecentAccounts()
        self._status: tuple[int, object] = (0, None)
        self._findings: tuple[int, object] = (0, None)
        self._pages: list[Callable[[], None]] = []
        self.is_closed = False

    @property
    def pages(self) -> int:
        """The number of open pages."""
        return len(self._pages)

    def publish(self, arrived: Sequence[Arrived]) -> None:
        """Add events that arrived on the stream."""
        with self._lock:
            self._events.add(as_json(each, self._accounts) for each in arrived)
        self._wake()

    def report(self, status: Mapping[str, Any]) -> None:
        """Replace the status."""
        with self._lock:
            self._status = (self._status[0] + 1, status)
        self._wake()

    def found(self, findings: Mapping[str, Any]) -> None:
        """Replace the findings."""
        with self._lock:
            self._findings = (self._findings[0] + 1, findings)
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self.is_closed = True
        self._wake()

    def accounts(self, beginning: str, most: int) -> Sequence[KnownAccount]:
        """The known accounts whose id begins so, newest first."""
        with self._lock:
            return self._accounts.newest(beginning, most)

    @property
    def newest_event(self) -> Mapping[str, Any] | None:
        """The last event that arrived."""
        with self._lock:
            found, _ = self._events.after(self._events.last - 1, 1)
        return found[0] if found else None

    @contextmanager
    def page(self, wake: Callable[[], None]) -> Iterator[None]:
        """A page is open during the context; `wake` is called, from any thread, when there is news for it.

        Raises:
            TooManyPages: close another page first.
        """
        with self._lock:
            if len(self._pages) >= PAGES_MAX:
                raise TooManyPages
            self._pages.append(wake)
        try:
            self.on_open()
            yield
        finally:
            with self._lock:
                self._pages.remove(wake)

    def cursor(self, last_event_id: str) -> Cursor:
        """Where a page continues that has received this id last; an empty or foreign id begins a new page."""
        generation, _, number = last_event_id.rpartition(":")
        with self._lock:
            if generation == self.generation and number.isascii() and number.isdecimal():
                return Cursor(min(int(number), self._events.last))
            return Cursor(max(0, self._events.last - SHOWN_AT_FIRST))

    def event_id(self, cursor: Cursor) -> str:
        """The id of a message after which the page has everything up to `cursor`."""
        return f"{self.generation}:{cursor.event}"

    def news(self, cursor: Cursor) -> tuple[list[Message], Cursor]:
        """At most one message of each kind that the page has not received, and where it continues after them."""
        messages: list[Message] = []
        with self._lock:
            events, last = self._events.after(cursor.event, EVENTS_PER_MESSAGE)
            status, findings = self._status, self._findings
        if events:
            messages.append(("published", events))
        if status[0] > cursor.status:
            messages.append(("status", status[1]))
        if findings[0] > cursor.findings:
            messages.append(("findings", findings[1]))
        return messages, Cursor(last, status[0], findings[0])

    def _wake(self) -> None:
        with self._lock:
            pages = list(self._pages)
        for wake in pages:
            with suppress(RuntimeError):  # the page's event loop is closed
                wake()
