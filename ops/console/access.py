"""Which requests the console answers. Pure.

It can send commands and break the local stack, so it must serve its own page only. Therefore it refuses:

- a foreign `Host`, as requests have from a page whose name was made to resolve to 127.0.0.1 (DNS rebinding);
- a foreign `Origin` or `Sec-Fetch-Site`, as requests from other pages have;
- a request without the token, which every start of the server makes, and only its printed address contains.

The page's requests have the token as a cookie, those of scripts as `Authorization: Bearer`. Browsers send a cookie to
every port of a host, so the cookie's name contains the port.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

BODY_BYTES_MAX = 64 * 1024
HTTP_PORT = 80
WRITES = ("POST",)
PAGE = "/"
"""The only path that a link in another page may open."""
OWN_SITE = ("same-origin", "none")
"""Values of Sec-Fetch-Site: a request of the page, or the user's own, such as an address that was typed in."""
PROTECTION = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Caller = Literal["page", "script"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, and what to do."""

    status: int
    code: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Access:
    """The access rules of one server."""

    port: int
    token: str

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"account-events-console-{self.port}"

    @property
    def hosts(self) -> tuple[str, str]:
        port = "" if self.port == HTTP_PORT else f":{self.port}"  # clients leave out the default port
        return f"127.0.0.1{port}", f"localhost{port}"

    def is_token(self, text: str) -> bool:
        """Whether the text is the token, compared in constant time."""
        return hmac.compare_digest(text.encode(), self.token.encode())

    def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Who makes a request with these headers; None if it has not the token."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(bearer.strip()):
            return "script"
        cookies = _cookies(headers.get("cookie", ""), self.cookie)
        return "page" if any(map(self.is_token, cookies)) else None

    def foreign(self, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """Why a request is refused that another page made; None if it may be answered. Names are in lower case."""
        host = headers.get("host", "")
        if host not in self.hosts:
            return Refusal(
                403,
                "foreign_host",
                "The console answers only at 127.0.0.1 and localhost, with its own port.",
                f"Open http://{self.hosts[0]}/ instead.",
            )
        own_origins = {f"http://{each}" for each in self.hosts}
        is_foreign = headers.get("origin", f"http://{host}") not in own_origins
        if is_foreign or not (is_from_own_site(headers) or (path == PAGE and _opens_tab(headers))):
            return Refusal(
                403,
                "foreign_origin",
                "The console refuses requests from other pages.",
                f"Use the page at http://{self.hosts[0]}/, or send requests from a script, without an Origin.",
            )
        return None


def is_from_own_site(headers: Mapping[str, str]) -> bool:
    """Whether no other page caused the request. Only browsers send the header."""
    return headers.get("sec-fetch-site", "none") in OWN_SITE


def without_token() -> Refusal:
    """The refusal of a request without the token."""
    return Refusal(
        401,
        "no_token",
        "This request has not the console's token. Each start of the console makes a new one.",
        "Open the address that `account-events up` printed, or run `account-events console` to print it again.",
    )


def body_refused(method: str, headers: Mapping[str, str]) -> Refusal | None:
    """Why the body of a request is refused; None if it may be read."""
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return Refusal(411, "no_length", "The request needs a Content-Length.", "Send the body in one piece.")
    if len(length) > len(str(BODY_BYTES_MAX)) or int(length) > BODY_BYTES_MAX:
        return Refusal(413, "too_large", f"The body is larger than {BODY_BYTES_MAX} bytes.", "Send less.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method in WRITES and kind != "application/json":
        return Refusal(
            415, "not_json", "The body is not JSON.", "Send JSON, with the header Content-Type: application/json."
        )
    return None


def _opens_tab(headers: Mapping[str, str]) -> bool:
    """Whether the request opens a page in a tab, which another page may cause by a link, but not read."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")


def _cookies(header: str, name: str) -> Iterator[str]:
    """The values of a cookie. A token has no character that would be quoted."""
    for pair in header.split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name:
            yield value
