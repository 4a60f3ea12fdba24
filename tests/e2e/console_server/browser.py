"""A client of the console's server."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from ops.console.server import ConsoleServer

TIMEOUT_S = 60.0
Message = tuple[str, str, Any]
"""The id, the name and the data of a server-sent event."""


class Script(httpx.Client):
    """A script that has the token."""

    def __init__(self, server: ConsoleServer, **settings: Any) -> None:  # noqa: ANN401 -- httpx's
        headers = {"Authorization": f"Bearer {server.token}"}
        super().__init__(base_url=server.url, headers=headers, trust_env=False, timeout=TIMEOUT_S, **settings)

    @contextmanager
    def events(self, last_event_id: str = "") -> Iterator[Iterator[Message]]:
        """The server-sent events, as they arrive."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with self.stream("GET", "/api/events", headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            yield messages(answer.iter_lines())

    def opened(self) -> int:
        """The status with which a page is opened; it is closed again."""
        with self.stream("GET", "/api/events") as answer:
            return answer.status_code

    def await_status(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first status that is wanted. A read that takes too long fails."""
        with self.events() as events:
            return next(data for _, name, data in events if name == "status" and is_wanted(data))


class Page(httpx.Client):
    """A browser; entering the context opens the printed address."""

    def __init__(self, server: ConsoleServer) -> None:
        super().__init__(base_url=server.url, trust_env=False, timeout=TIMEOUT_S, follow_redirects=True)
        self._server = server

    def __enter__(self) -> Self:
        super().__enter__()
        assert self.get(self._server.address).status_code in {200, 404}  # 404 without the page's files
        self.headers.update({"Origin": self._server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"})
        return self


def messages(lines: Iterator[str]) -> Iterator[Message]:
    """The messages of a stream of events."""
    found: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        else:
            if "data" in found:
                yield found.get("id", ""), found["event"], json.loads(found["data"])
            found = {}


def published(events: Iterator[Message], number: int) -> list[dict[str, Any]]:
    """The next domain events, at least so many."""
    found: list[dict[str, Any]] = []
    for _, name, data in events:
        if name == "published":
            found += data
        if len(found) >= number:
            break
    return found
