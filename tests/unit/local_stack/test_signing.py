"""Signed requests and bearer tokens, checked with the emulator's implementation of SigV4."""

from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest
from ministack.core.sigv4 import (
    HeaderSignature,
    header_signature_failure,
    parse_header_signature,
)

from local_stack.signing import Bearer, Signature

URL = "http://127.0.0.1:4566/_aws/execute-api/abc/accounts"
SECRET = "test user's secret"
API_TEST_USER = Signature("AKIATESTUSER", SECRET, "eu-central-1")


def sent(method: str, url: str, auth: httpx.Auth = API_TEST_USER, **content: object) -> httpx.Request:
    """Return the request as the server receives it."""
    reached: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: reached.append(request) or httpx.Response(200))  # type: ignore[func-returns-value]
    with httpx.Client(transport=transport, auth=auth) as client:
        client.request(method, url, **content)  # type: ignore[arg-type]
    return reached[0]


def failure(request: httpx.Request, secret: str = SECRET) -> tuple[str, str] | None:
    """Return why the signature is not valid for the request; None if it is valid."""
    headers = dict(request.headers)
    signature = parse_header_signature(headers)
    assert isinstance(signature, HeaderSignature), signature
    path, _, query = request.url.raw_path.decode().partition("?")
    parameters = parse_qs(query, keep_blank_values=True)
    found: tuple[str, str] | None = header_signature_failure(
        signature, secret, request.method, path, parameters, headers, request.content
    )
    return found


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/a-1",
            "?limit=3&after=0",
            "?b=2&a=1&b=1",
            "?at=2026-12-01T00:00:00Z",
            "?at=2026-12-01T00:00:00%2B01:00",
        ),
        *(
            "?a=b=c&d&e=",
            "?a=%20+%C3%A9~*'()",
            "/a%20b",
            "/%C3%A9",
            "/a%2Fb",
            "//a",
            "/a;b=c@d",
            "/*'()!~",
            "/%2e%2e/x",
        ),
    ],
)
def test_the_gateway_accepts_signed_requests(path: str) -> None:
    assert failure(sent("GET", URL + path)) is None


def test_the_body_and_its_type_are_signed() -> None:
    request = sent("POST", URL, json={"amount": "1.00"})
    assert failure(request) is None
    credential, signed, _ = request.headers["Authorization"].split(", ")
    assert credential.startswith("AWS4-HMAC-SHA256 Credential=AKIATESTUSER/")
    assert credential.endswith("/eu-central-1/execute-api/aws4_request")
    assert signed == "SignedHeaders=content-type;host;x-amz-date"


Change = Callable[[httpx.Request], httpx.Request]


def changed(request: httpx.Request, **parts: object) -> httpx.Request:
    given = {"method": request.method, "url": request.url, "content": request.content, **parts}
    headers = {**request.headers, **parts.get("headers", {})}  # type: ignore[dict-item]
    return httpx.Request(**{**given, "headers": headers})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        lambda request: changed(request, method="PUT"),
        lambda request: changed(request, url=f"{URL}/other"),
        lambda request: changed(request, url=f"{URL}?limit=1"),
        lambda request: changed(request, content=request.content.replace(b"1.00", b"9.00")),
        lambda request: changed(request, headers={"content-type": "text/plain"}),
        lambda request: changed(request, headers={"host": "127.0.0.1:1"}),
    ],
    ids=["method", "path", "query", "body", "type", "host"],
)
def test_a_changed_request_has_no_valid_signature(change: Change) -> None:
    found = failure(change(sent("POST", URL, json={"amount": "1.00"})))
    assert found is not None
    assert found[0] == "SignatureDoesNotMatch"


def test_another_secret_gives_another_signature() -> None:
    assert failure(sent("GET", URL), "another") is not None


def test_a_token_is_sent_as_a_bearer_token() -> None:
    assert sent("GET", URL, Bearer("a.b.c")).headers["Authorization"] == "Bearer a.b.c"
