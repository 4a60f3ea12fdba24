"""Swagger UI for a running local stack: the page, the API's OpenAPI document, and a proxy for the API at `/api`.

With IAM, the proxy signs every request, so it must serve only its own page. Therefore it refuses a foreign `Host`
header, as requests have from a page whose name was made to resolve to 127.0.0.1 (DNS rebinding), and a foreign `Origin`
header, as cross-origin requests have. It also forbids browsers to show the page in a frame.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any

import httpx

from account_core.api.access import Authorisation
from account_core.api.openapi.document import document
from account_core.api.openapi.parameters import PARAMETERS
from local_stack.loopback_server import SOCKET_TIMEOUT_S, LoopbackServer

BODY_BYTES_MAX = 64 * 1024  # more than the API accepts, so that you can see the API's own refusal
FORWARDED_HEADERS = {
    "accept",
    "content-type",
    *(name.lower() for name, found in PARAMETERS.items() if found["in"] == "header"),
}
"""Request headers that the API uses. The proxy drops all others."""
DROPPED_HEADERS = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"),
    *("upgrade", "content-length", "content-encoding", "date", "server"),
}
"""Response headers that describe the connection or the transfer, not the content."""
PROTECTION = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Account Events</title>
<link rel="stylesheet" href="/swagger-ui.min.css"></head><body><div id="swagger-ui"></div>
<script src="/swagger-ui-bundle.min.js"></script><script src="/start.js"></script></body></html>"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null})'


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]


def _text(status: int, text: str) -> Reply:
    return Reply(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})


class SwaggerUi(LoopbackServer):
    """The server of Swagger UI; use it as a context manager. Entering starts it, leaving stops it.

    Args:
        api: client whose `base_url` is the API's address. With IAM it must sign its requests.
        authorisation: how the API identifies its callers. With JWT, the user enters a token in the page.
    """

    def __init__(self, api: httpx.Client, authorisation: Authorisation = "IAM") -> None:
        self._api = api
        self._forwarded = FORWARDED_HEADERS | ({"authorization"} if authorisation == "JWT" else set())
        openapi = {**document(authorisation), "servers": [{"url": "/api"}]}
        self._pages = _pages({**openapi, "security": []} if authorisation == "IAM" else openapi)  # the proxy signs
        super().__init__(lambda *request: _Handler(self, *request))
        self._hosts = {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost")}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Return the response to a request. Header names must be in lower case."""
        if headers.get("host") not in self._hosts:
            return _text(403, "This page is available only at 127.0.0.1 and localhost.")
        if headers.get("origin", "http://" + headers["host"]) not in {f"http://{host}" for host in self._hosts}:
            return _text(403, "Requests from other pages are refused.")
        if target.startswith("/api/"):
            return self._forward(method, target.removeprefix("/api"), headers, body)
        page = self._pages.get(target.partition("?")[0])
        return page if page and method in ("GET", "HEAD") else _text(404, "Page not found.")

    def _forward(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        sent = {name: value for name, value in headers.items() if name in self._forwarded}
        try:
            request = self._api.build_request(method, target, headers=sent, content=body)
            if not request.url.raw_path.startswith(self._api.base_url.raw_path):  # the target contains ".."
                return _text(404, "Page not found.")
            answer = self._api.send(request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _text(502, f"The local stack does not answer: {error}")
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED_HEADERS}
        return Reply(answer.status_code, answer.content, kept)


def _pages(openapi: dict[str, Any]) -> dict[str, Reply]:
    assets = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")
    contents = {
        "/": ("text/html", _PAGE.encode()),
        "/openapi.json": ("application/json", json.dumps(openapi).encode()),
        "/start.js": ("text/javascript", _START.encode()),
        "/swagger-ui-bundle.min.js": ("text/javascript", assets.joinpath("swagger-ui-bundle.min.js").read_bytes()),
        "/swagger-ui.min.css": ("text/css", assets.joinpath("swagger-ui.min.css").read_bytes()),
    }
    return {
        path: Reply(200, body, {"Content-Type": f"{kind}; charset=utf-8"}) for path, (kind, body) in contents.items()
    }


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S

    def __init__(self, ui: SwaggerUi, *request: Any) -> None:  # noqa: ANN401 -- socketserver's
        self._ui = ui
        super().__init__(*request)

    def _serve(self) -> None:
        reply = self._reply()
        with suppress(ConnectionError):  # the browser closed the connection
            self.send_response(reply.status)
            for name, value in {**reply.headers, **PROTECTION}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else reply.body)

    do_GET = do_HEAD = do_POST = do_OPTIONS = _serve  # noqa: N815 -- http.server's names

    def _reply(self) -> Reply:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            return _text(411, "The request needs a Content-Length.")
        if int(length) > BODY_BYTES_MAX:
            return _text(413, f"The body is larger than {BODY_BYTES_MAX} bytes.")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self._ui.reply(self.command, self.path, headers, self.rfile.read(int(length)))

    def log_message(self, *_: object) -> None:
        """Log nothing, because the terminal shows the command's own output."""
