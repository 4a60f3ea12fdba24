"""What the console's requests may contain, and what it sends to the API."""

from collections.abc import Callable

import httpx
import pytest

from local_stack.address import Address
from ops.console.commands import Command, send
from ops.console.errors import Refused

Answer = Callable[[httpx.Request], httpx.Response]


class Api:
    """An API that records the requests and gives an answer or raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[httpx.Request] = []
        self.subjects: list[str | None] = []
        self.answer: httpx.Response | Exception = httpx.Response(200, json={"balance": "1.00"})
        monkeypatch.setattr(Address, "http", self._client)

    def _client(self, subject: str | None = None) -> httpx.Client:
        self.subjects.append(subject)
        return httpx.Client(base_url="http://api", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return Api(monkeypatch)


def address(access_key: tuple[str, str] | None = ("id", "secret")) -> Address:
    return Address("http://127.0.0.1:1", 1, {"ApiId": "x"}, access_key, None if access_key else "http://issuer")


@pytest.mark.parametrize(
    ("document", "path", "body"),
    [
        (
            {"kind": "open", "owner": "o", "currency": "EUR"},
            "/accounts",
            {"owner": "o", "currency": "EUR"},
        ),
        ({"kind": "credit", "account_id": "a-1", "amount": "5"}, "/accounts/a-1/credit", {"amount": "5"}),
        ({"kind": "withdraw", "account_id": "a/..", "amount": ""}, "/accounts/a%2F../withdraw", {"amount": ""}),
        ({"kind": "credit", "account_id": "?x", "amount": None}, "/accounts/%3Fx/credit", {"amount": ""}),
        (
            {"kind": "transfer", "account_id": "a", "to": "b/..", "amount": "5"},
            "/accounts/a/transfer",
            {"to": "b/..", "amount": "5"},
        ),
        ({"kind": "withdraw", "account_id": "a", "to": "b", "amount": "5"}, "/accounts/a/withdraw", {"amount": "5"}),
    ],
)
def test_a_command_becomes_one_request(api: Api, document: object, path: str, body: dict[str, str]) -> None:
    found = send(address(), Command.of(document))
    [request] = api.requests
    assert (request.method, request.url.raw_path.decode()) == ("POST", path)
    assert httpx.Response(200, content=request.content).json() == body
    assert request.headers["Idempotency-Key"] == found["idempotency_key"] != ""
    assert found["took_ms"] >= 0


def test_the_response_is_passed_on_with_the_id_of_the_request(api: Api) -> None:
    api.answer = httpx.Response(422, json={"code": "insufficient_funds"}, headers={"X-Request-Id": "r-1"})
    command = Command.of({"kind": "withdraw", "account_id": "a", "amount": "5", "idempotency_key": "k-1"})
    found = send(address(), command)
    assert {name: found[name] for name in ("status", "body", "request_id", "idempotency_key")} == {
        "status": 422,
        "body": {"code": "insufficient_funds"},
        "request_id": "r-1",
        "idempotency_key": "k-1",
    }
    api.answer = httpx.Response(502, text="bad gateway")
    assert send(address(), command)["body"] == "bad gateway"


@pytest.mark.parametrize(
    ("document", "subject", "body"),
    [
        ({"kind": "open", "owner": "o-7", "currency": "EUR"}, "o-7", {"currency": "EUR"}),
        ({"kind": "open", "currency": "EUR"}, "owner-1", {"currency": "EUR"}),
        ({"kind": "credit", "account_id": "a", "amount": "1"}, None, {"amount": "1"}),
    ],
)
def test_with_tokens_an_account_is_opened_by_its_owner(
    api: Api, document: object, subject: str | None, body: dict[str, str]
) -> None:
    send(address(None), Command.of(document))
    assert api.subjects == [subject]
    assert httpx.Response(200, content=api.requests[0].content).json() == body


def test_without_an_answer_the_key_to_send_again_is_named(api: Api) -> None:
    api.answer = httpx.ReadTimeout("slow")
    command = Command.of({"kind": "credit", "account_id": "a", "amount": "1", "idempotency_key": "k-1"})
    with pytest.raises(Refused) as refused:
        send(address(), command)
    assert (refused.value.status, refused.value.code) == (502, "unreachable")
    assert "unknown whether" in refused.value.message
    assert "k-1" in refused.value.advice


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"kind": "close"},
        {"kind": "open", "owner": 5},
        {"kind": "open", "owner": "x" * 201},
        {"kind": "open", "owner": "a\nb"},
        {"kind": "open", "idempotency_key": "schlüssel"},
        {"kind": "credit", "amount": "5"},
        {"kind": "credit", "account_id": "", "amount": "5"},
        {"kind": "credit", "account_id": "..", "amount": "5"},
        {"kind": "credit", "account_id": ["a"], "amount": "5"},
    ],
)
def test_a_command_of_another_form_is_refused_unsent(api: Api, document: object) -> None:
    with pytest.raises(Refused) as refused:
        Command.of(document)
    assert refused.value.status == 400
    assert api.requests == []
