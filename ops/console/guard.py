"""The ASGI middleware that applies the rules of `access` to every request, and protects every response."""

import traceback
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.console.access import PAGE, PROTECTION, Access, Refusal, body_refused, is_from_own_site, without_token
from ops.console.pages import opening, refused

CALLER = "console_caller"
"""The key in a request's scope that has its `Caller`."""


class Guard:
    """Passes on the requests that may be answered, each with its caller in the scope.

    Args:
        app: the application.
        access: the rules.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._tickets: set[str] = set()

    def admit(self, ticket: str) -> None:
        """Let this token open the page once. Everybody on the machine sees it if it is an argument of a process."""
        self._tickets.add(ticket)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)  # the server's start and end; it accepts no WebSockets
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(PROTECTION)
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        answer = self._answer(scope, headers)
        try:
            await (answer or self._app)(scope, receive, protected)
        except Exception:  # a defect, which the server answers with status 500
            traceback.print_exc()
            raise

    def _answer(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        """The response to a request that is not passed on."""
        path, method = scope["path"], scope["method"]
        if refusal := self._access.foreign(path, headers):
            return self.refusal(path, refusal)
        if (
            path == PAGE
            and method == "GET"
            and (tokens := parse_qs(scope["query_string"].decode("latin-1")).get("token"))
        ):
            return self._opened(tokens[0], headers)
        caller = self._access.caller(headers)
        if caller is None:
            return self.refusal(path, without_token())
        if refusal := body_refused(method, headers):
            return self.refusal(path, refusal)
        scope[CALLER] = caller
        return None

    def _opened(self, token: str, headers: Mapping[str, str]) -> Response:
        """The token becomes a cookie, and disappears from the address."""
        if token in self._tickets:
            self._tickets.remove(token)
        elif not self._access.is_token(token):
            return self.refusal("/", without_token())
        # A browser sends no strict cookie with a redirected request that another page caused by a link.
        answer: Response = RedirectResponse("/", 303) if is_from_own_site(headers) else HTMLResponse(opening())
        answer.set_cookie(self._access.cookie, self._access.token, httponly=True, samesite="strict")
        return answer

    @staticmethod
    def refusal(path: str, refusal: Refusal) -> Response:
        """JSON for the API, a page for everything else."""
        if path.startswith("/api/"):
            body = {"code": refusal.code, "message": refusal.message, "advice": refusal.advice}
            return JSONResponse(body, refusal.status)
        return HTMLResponse(refused(refusal), refusal.status)
