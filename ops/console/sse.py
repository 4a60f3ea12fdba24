"""The stream of server-sent events to a page (html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from ops.console.hub import PAGES_MAX, Hub, TooManyPages

AGAIN_MS = 1_000
QUIET_S = 15.0
"""After this time without news, a comment is sent, so that a connection that has ended is noticed."""
TOO_MANY = {
    "code": "too_many_pages",
    "message": f"{PAGES_MAX} pages of this console are open, which is the most.",
    "advice": "Close one of them, then try again.",
}


class EventStream:
    """The endpoint, an ASGI application."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wake, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake_up() -> None:
            loop.call_soon_threadsafe(wake.set)

        last_event_id = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
        try:
            # Not in the generator: a page that ends before its first message would stay open for ever.
            with self._hub.page(wake_up):
                body = self._messages(wake, last_event_id)
                await StreamingResponse(body, media_type="text/event-stream")(scope, receive, send)
        except TooManyPages:
            await JSONResponse(TOO_MANY, 409)(scope, receive, send)

    async def _messages(self, wake: asyncio.Event, last_event_id: str) -> AsyncIterator[str]:
        cursor = self._hub.cursor(last_event_id)
        yield f"retry: {AGAIN_MS}\n\n"
        while not self._hub.is_closed:
            wake.clear()
            news, cursor = self._hub.news(cursor)
            for name, data in news:
                number = f"id: {self._hub.event_id(cursor)}\n" if name == "published" else ""
                yield f"event: {name}\n{number}data: {json.dumps(data)}\n\n"
            if not news:
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), QUIET_S)
                if not wake.is_set():
                    yield ": nothing new\n\n"
