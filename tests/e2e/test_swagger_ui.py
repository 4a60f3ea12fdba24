"""Swagger UI on a real socket, in front of a fake API and, in one test, of the local stack."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from account_core.api.openapi.document import document
from local_stack.local_deployment import LocalDeployment
from local_stack.swagger_ui import BODY_BYTES_MAX, SwaggerUi

Respond = Callable[[httpx.Request], httpx.Response]


class Upstream:
    """A fake API that records the last request and returns a given response."""

    def __init__(self) -> None:
        self.request = httpx.Request("GET", "http://never")
        self.answer: httpx.Response | Exception = httpx.Response(200, json={"balance": "1.00"})
        self.client = httpx.Client(
            base_url="http://stack/_aws/execute-api/abc", transport=httpx.MockTransport(self._answer), auth=self._sign
        )

    def _sign(self, request: httpx.Request) -> httpx.Request:
        request.headers.setdefault("Authorization", "signed")
        return request

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.request = request
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def browser(upstream: Upstream) -> Iterator[httpx.Client]:
    with SwaggerUi(upstream.client) as ui, httpx.Client(base_url=ui.url, trust_env=False) as browser:
        yield browser


def test_the_page_and_its_assets_are_served_locally(browser: httpx.Client) -> None:
    page = browser.get("/")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for path in ("/swagger-ui.min.css", "/swagger-ui-bundle.min.js", "/start.js"):
        assert path in page.text
        assert browser.get(path).status_code == 200
    assert "http" not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert browser.get("/favicon.ico").status_code == browser.post("/", json={}).status_code == 404


def test_the_document_describes_the_apis_authorisation(browser: httpx.Client, upstream: Upstream) -> None:
    found = browser.get("/openapi.json").json()
    assert found["servers"] == [{"url": "/api"}]
    assert found["security"] == []
    assert found["paths"] == document("IAM")["paths"]
    with SwaggerUi(upstream.client, "JWT") as ui:
        assert httpx.get(f"{ui.url}openapi.json", trust_env=False).json()["security"] == [{"JWT": []}]


def test_requests_are_signed_and_responses_are_returned(browser: httpx.Client, upstream: Upstream) -> None:
    upstream.answer = httpx.Response(201, json={}, headers={"ETag": '"s-1"', "Connection": "close", "Server": "stack"})
    sent = {"Idempotency-Key": "key-1", "Authorization": "mine", "Cookie": "a=b", "Origin": str(browser.base_url)[:-1]}
    answer = browser.post("/api/accounts?x=%2B1", content=b'{"owner": "o"}', headers=sent)
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (201, b"{}", '"s-1"')
    assert "Connection" not in answer.headers
    assert str(upstream.request.url) == "http://stack/_aws/execute-api/abc/accounts?x=%2B1"
    assert (upstream.request.method, upstream.request.content) == ("POST", b'{"owner": "o"}')
    headers = upstream.request.headers
    assert (headers["Idempotency-Key"], headers["Authorization"], "Cookie" in headers) == ("key-1", "signed", False)
    assert headers["Host"] == "stack"


def test_with_jwt_the_token_is_forwarded(upstream: Upstream) -> None:
    with SwaggerUi(upstream.client, "JWT") as ui:
        httpx.get(f"{ui.url}api/accounts/a", headers={"Authorization": "Bearer x"}, trust_env=False)
    assert upstream.request.headers["Authorization"] == "Bearer x"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_method_of_the_api_is_forwarded(browser: httpx.Client, upstream: Upstream, method: str) -> None:
    upstream.answer = httpx.Response(204, headers={"Allow": "GET"})
    answer = browser.request(method, "/api/accounts/a")
    assert (answer.status_code, answer.headers["Allow"], upstream.request.method) == (204, "GET", method)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""])
@pytest.mark.parametrize("path", ["/", "/openapi.json", "/api/accounts"])
def test_a_foreign_host_header_is_refused(browser: httpx.Client, host: str, path: str) -> None:
    host = host.format(port=browser.base_url.port)
    assert browser.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", ""]
)
def test_a_foreign_origin_is_refused(browser: httpx.Client, upstream: Upstream, origin: str) -> None:
    upstream.answer = AssertionError("the request reached the API")
    sent = {"Origin": origin.format(port=browser.base_url.port)}
    assert browser.post("/api/accounts", content=b"{}", headers=sent).status_code == 403


def test_localhost_is_accepted(browser: httpx.Client) -> None:
    name = f"localhost:{browser.base_url.port}"
    assert browser.get("/api/accounts/a", headers={"Host": name, "Origin": f"http://{name}"}).status_code == 200


@pytest.mark.parametrize("target", ["/api/../../admin", "/api//evil.example/x", "/api/%2e%2e/x", "/api/@evil.example"])
def test_no_target_reaches_anything_outside_the_api(upstream: Upstream, target: str) -> None:
    with SwaggerUi(upstream.client) as ui:
        status = ui.reply("GET", target, {"host": ui.url.split("/")[2]}, b"").status
    assert status == 404 or str(upstream.request.url).startswith("http://stack/_aws/execute-api/abc/")


def test_a_body_of_unknown_or_excessive_length_is_refused(browser: httpx.Client, upstream: Upstream) -> None:
    upstream.answer = AssertionError("the request reached the API")
    assert browser.post("/api/accounts", content=b"x" * (BODY_BYTES_MAX + 1)).status_code == 413
    assert browser.post("/api/accounts", content=iter([b"x"])).status_code == 411


def test_an_unreachable_api_is_reported(browser: httpx.Client, upstream: Upstream) -> None:
    upstream.answer = httpx.ConnectError("refused")
    answer = browser.get("/api/accounts/a")
    assert (answer.status_code, "refused" in answer.text) == (502, True)


def test_the_server_stops_on_exit(upstream: Upstream) -> None:
    with SwaggerUi(upstream.client) as ui:
        assert httpx.get(ui.url, trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(ui.url, trust_env=False)


def test_the_page_reaches_the_local_stack(deployment: LocalDeployment) -> None:
    with (
        deployment.address.http() as api,
        SwaggerUi(api) as ui,
        httpx.Client(base_url=ui.url, trust_env=False) as browser,
    ):
        created = browser.post("/api/accounts", json={"owner": "owner-1", "currency": "EUR"})
        assert created.status_code == 201
        found = browser.get(f"/api{created.headers['Location']}", params={"at": "2999-01-01T00:00:00+01:00"})
        assert (found.status_code, found.json()) == (200, created.json())
        assert browser.get("/api/accounts/nobody").json()["code"] == "account_not_found"
