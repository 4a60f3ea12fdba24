"""The server's access rules and its read-only mode, on a real socket, for a stack on AWS without AWS."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import boto3
import httpx
import pytest

from local_stack.errors import CommandError
from ops.console.access import BODY_BYTES_MAX
from ops.console.hub import PAGES_MAX
from ops.console.server import ConsoleServer
from ops.console.subject import SharedClients, Subject
from ops.doctor import run
from ops.lake.deployed_lake import Lake
from tests.e2e.console_server.browser import Page, Script, published
from tests.support.aws_stack import TEMPLATE, AwsStack

API = (
    "/api/stack",
    "/api/events",
    "/api/accounts",
    "/api/accounts/a-1",
    "/api/charts",
    "/api/faults",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsStack]:
    stack = AwsStack(tmp_path_factory.mktemp("lake"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(boto3, "client", stack.client)
        patched.setattr(run, "read_template", TEMPLATE)
        patched.setattr(Lake, "engine", lambda _lake: stack.engine())
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "x")
        yield stack


@pytest.fixture(scope="module")
def server(stack: AwsStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    folder = tmp_path_factory.mktemp("static")
    for name in ("index.html", "main.js", "page.css"):
        (folder / name).write_text(name)
    stack.published = stack.events("a-1")
    with ConsoleServer(Subject(SharedClients.connect("bank"), "bank"), folder=folder) as server:
        yield server


@pytest.fixture
def script(server: ConsoleServer) -> Iterator[Script]:
    with Script(server) as script:
        yield script


@pytest.fixture
def stranger(server: ConsoleServer) -> Iterator[httpx.Client]:
    """A client without the token."""
    with httpx.Client(base_url=server.url, trust_env=False) as stranger:
        yield stranger


def test_it_listens_on_loopback_only(server: ConsoleServer) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}/"
    others = {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
        "127.0.0.1"
    }
    for other in others:
        if not other.startswith("127."):
            with socket.socket() as probe:
                assert probe.connect_ex((other, server.port)) != 0


def test_the_printed_address_sets_a_cookie_and_hides_the_token(server: ConsoleServer, stranger: httpx.Client) -> None:
    answer = stranger.get(server.address)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    assert name == f"account-events-console-{server.port}"
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in rest.split(";")}
    page = stranger.get("/")
    assert (page.status_code, page.text) == (200, "index.html")
    assert stranger.get("/api/stack").status_code == 200


def test_a_link_in_another_page_opens_the_console_in_two_steps(server: ConsoleServer, stranger: httpx.Client) -> None:
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = stranger.get(server.address, headers=navigation)
    assert answer.status_code == 200
    assert "Set-Cookie" in answer.headers
    assert 'content="0; url=/"' in answer.text
    assert server.token not in answer.text


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/nothing", *API])
def test_without_the_token_nothing_is_served(stack: AwsStack, stranger: httpx.Client, path: str) -> None:
    calls = set(stack.calls)
    answer = stranger.get(path)
    assert answer.status_code == 401
    text = answer.text if not path.startswith("/api/") else answer.json()["advice"]
    assert "account-events console" in text
    assert stack.calls - calls - {"kinesis:GetRecords", "kinesis:ListShards"} == set()


@pytest.mark.parametrize("token", ["wrong", "%00", "%C3%A9", "x" * 10_000])
def test_a_wrong_token_opens_nothing(stranger: httpx.Client, token: str) -> None:
    answer = stranger.get(f"/?token={token}")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert stranger.get("/api/stack", headers={"Authorization": f"Bearer {token[:50]}"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "foreign_host"),
        ({"Host": "127.0.0.1:1"}, "foreign_host"),
        ({"Origin": "http://evil.example"}, "foreign_origin"),
        ({"Origin": "null"}, "foreign_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "foreign_origin"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/main.js", "/?token=TOKEN", *API])
def test_requests_from_elsewhere_are_refused_even_with_the_token(
    server: ConsoleServer, script: Script, path: str, headers: dict[str, str], code: str
) -> None:
    answer = script.get(path.replace("TOKEN", server.token), headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    if path.startswith("/api/"):
        assert answer.json()["code"] == code
    else:
        assert "127.0.0.1" in answer.text


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/nothing", "/api/stack", "/api/nothing", "/favicon.ico"])
def test_every_response_is_protected(script: Script, path: str) -> None:
    for answer in (script.get(path), script.get(path, headers={"Authorization": ""})):
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_pages_files_are_served_with_their_types(script: Script) -> None:
    for name, kind in (("main.js", "text/javascript"), ("page.css", "text/css"), ("index.html", "text/html")):
        answer = script.get(f"/static/{name}")
        assert (answer.text, answer.headers["Content-Type"]) == (name, f"{kind}; charset=utf-8")


@pytest.mark.parametrize(
    "path",
    ["/static/nothing.js", "/static/", "/static", "/static/../server.py", "/static/%2e%2e/server.py", "/main.js"],
)
def test_no_other_file_is_served(script: Script, path: str) -> None:
    answer = script.send(script.build_request("GET", httpx.URL(str(script.base_url), raw_path=path.encode())))
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/commands", {"kind": "open", "owner": "o", "currency": "EUR"}),
        ("/api/commands", {}),
        ("/api/faults/poison-row", {"on": True}),
        ("/api/faults", {"on": False}),
    ],
)
def test_a_deployed_stack_is_sent_nothing(stack: AwsStack, server: ConsoleServer, path: str, body: object) -> None:
    stack.calls.clear()
    with Page(server) as page:
        answer = page.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only")
    reads = ("Describe", "List", "Get", "Query", "Batch", "Scan", "Simulate")
    assert [each for each in stack.calls if not each.partition(":")[2].startswith(reads)] == []


def test_a_deployed_stack_is_described_as_read_only(stack: AwsStack, script: Script) -> None:
    found = script.get("/api/stack").json()
    assert {name: found[name] for name in ("name", "is_local", "can_send", "can_break", "swagger_url")} == {
        "name": "bank",
        "is_local": False,
        "can_send": False,
        "can_break": False,
        "swagger_url": None,
    }
    assert found["api_url"] == stack.outputs["ApiUrl"]
    assert script.get("/api/faults").status_code == 403


def test_the_events_and_accounts_of_a_deployed_stack_are_shown(script: Script) -> None:
    with script.events() as events:
        found = published(events, 3)
    assert [each["sequence"] for each in found[:3]] == [1, 2, 3]
    [known] = script.get("/api/accounts").json()["accounts"]
    assert (known["account_id"], known["owner"], known["balance"]) == ("a-1", "owner-1", "4.00")
    account = script.get("/api/accounts/a-1").json()
    assert [each["version"] for each in account["rows"]] == [3, 2, 1]
    [other] = script.get("/api/accounts?find=a-2").json()["accounts"]
    assert other["account_id"] == "a-2"
    assert script.get("/api/accounts?find=nobody").json() == {"accounts": []}
    missing = script.get("/api/accounts/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_account")


def test_the_charts_of_a_deployed_stack_are_drawn(
    stack: AwsStack, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ops.lake.deployed_lake import Lake  # noqa: PLC0415 -- patched for this test only

    monkeypatch.setattr(Lake, "engine", lambda _lake: stack.engine())
    found = script.get("/api/charts").json()
    assert found["day"] in found["days"]
    assert [each["svg"][:4] for each in found["charts"]] == ["<svg"] * len(found["charts"])
    assert found["charts"][0]["table"]["columns"] == ["hour, UTC", "credits", "withdrawals", "accounts opened"]
    assert "style=" not in str(found["charts"])
    assert script.get("/api/charts?day=2001-01-01").json()["charts"] == []


@pytest.mark.parametrize("path", ["/api/charts?day=x", "/api/charts?day=1999-01-01", "/api/accounts/a-1?before=-1"])
def test_a_query_that_is_not_valid_is_refused(script: Script, path: str) -> None:
    answer = script.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_run_of_doctor_is_started_on_demand(script: Script) -> None:
    with script.events() as events:
        assert script.post("/api/doctor", json={}).status_code == 202
        assert next(data for _, name, data in events if name == "findings" and not data["is_running"])["at"]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"kind=open", 415),
        ({"Content-Type": "application/json"}, b" " * (BODY_BYTES_MAX + 1), 413),
    ],
)
def test_a_form_or_a_large_body_is_refused(
    script: Script, headers: dict[str, str], content: bytes, status: int
) -> None:
    assert script.post("/api/commands", headers=headers, content=content).status_code == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(script: Script, method: str) -> None:
    assert script.request(method, "/api/commands", headers={"Content-Type": "application/json"}).status_code == 405


def test_a_fifth_page_is_refused_and_may_come_later(server: ConsoleServer) -> None:
    with ExitStack() as pages:
        opened = [pages.enter_context(pages.enter_context(Script(server)).events()) for _ in range(PAGES_MAX)]
        for events in opened:
            next(events)
        with Script(server) as fifth:
            answer = fifth.get("/api/events")
            assert (answer.status_code, answer.json()["code"]) == (409, "too_many_pages")
    with Script(server) as later:
        while later.opened() == 409:  # until the server has noticed that the others have ended
            pass


def test_a_page_that_connects_again_receives_what_it_missed(stack: AwsStack, script: Script) -> None:
    with script.events() as events:
        number, _, _ = next(each for each in events if each[1] == "published")
    generation, _, last = number.partition(":")
    with script.events(f"{generation}:{int(last) - 2}") as events:
        assert [each["sequence"] for each in published(events, 2)] == [2, 3]
    assert stack.published


def test_a_port_in_use_is_refused_with_what_to_do(server: ConsoleServer) -> None:
    with pytest.raises(CommandError, match=r"Port \d+ cannot be used: .* omit --port"):
        ConsoleServer(Subject(SharedClients.connect("bank"), "bank"), server.port)


def test_a_second_console_has_a_token_and_a_cookie_of_its_own(server: ConsoleServer) -> None:
    with ConsoleServer(Subject(SharedClients.connect("bank"), "bank")) as second, Page(server) as page:
        answer = page.get(second.url, headers={"Origin": second.url.rstrip("/")})
        assert answer.status_code == 401
        page.get(second.address, headers={"Origin": second.url.rstrip("/")})
        assert len(page.cookies) == 2


def test_a_server_that_stops_ends_its_streams(stack: AwsStack) -> None:
    assert stack.published
    with ExitStack() as opened:
        with ConsoleServer(Subject(SharedClients.connect("bank"), "bank")) as server:
            script = opened.enter_context(Script(server))
            events = opened.enter_context(script.events())
            next(events)
        assert all(name in {"published", "status", "findings"} for _, name, _ in events)  # it ends
        with pytest.raises(httpx.ConnectError):
            script.get("/api/stack")
