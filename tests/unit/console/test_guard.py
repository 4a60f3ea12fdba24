"""What the guard does around the application: defects, and tickets that open the page once."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from ops.console.access import Access
from ops.console.guard import Guard

ACCESS = Access(4711, "secret")
TOKEN = [(b"host", b"127.0.0.1:4711"), (b"authorization", b"Bearer secret")]
Messages = list[dict[str, Any]]


def answered(guard: Guard, path: str = "/api/stack", query: str = "", headers: Any = ()) -> Messages:  # noqa: ANN401 -- ASGI's
    """What the guard sends."""
    sent: Messages = []

    async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI's
        sent.append(message)

    async def receive() -> Any:  # noqa: ANN401 -- ASGI's
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": [*headers]}
    with suppress(StopIteration):
        guard(scope, receive, send).__await__().send(None)  # nothing waits here, so it ends at once
    return sent


def failing(error: BaseException) -> Guard:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    return Guard(app, ACCESS)


def test_a_defect_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError):
        answered(failing(KeyError("a defect")), headers=TOKEN)
    assert "KeyError: 'a defect'" in capsys.readouterr().err


def test_a_request_that_the_end_of_the_server_cuts_is_no_defect(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(asyncio.CancelledError):
        answered(failing(asyncio.CancelledError()), headers=TOKEN)
    assert capsys.readouterr().err == ""


def test_a_ticket_opens_the_page_once() -> None:
    guard = failing(AssertionError("not passed on"))
    guard.admit("ticket")
    query = "token=ticket"
    first, _ = answered(guard, "/", query, TOKEN[:1])
    assert first["status"] == 303
    [cookie] = [value for name, value in first["headers"] if name == b"set-cookie"]
    assert cookie.startswith(b"account-events-console-4711=secret;")
    second, _ = answered(guard, "/", query, TOKEN[:1])
    assert second["status"] == 401
    guard.admit("ticket")
    bearer = [TOKEN[0], (b"authorization", b"Bearer ticket")]
    assert answered(guard, "/api/stack", "", bearer)[0]["status"] == 401
