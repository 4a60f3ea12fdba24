"""Which faults of a local stack are on, as its console answers."""

import httpx
import pytest

from local_stack.address import Address
from local_stack.faults import begun as module
from local_stack.faults.begun import begun

ADDRESS = Address("http://127.0.0.1:1", 1, {}, None, None, console_url="http://127.0.0.1:2/", console_token="secret")


def given(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | httpx.HTTPError) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert (request.url.path, request.headers["Authorization"]) == ("/api/faults", "Bearer secret")
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer

    client = httpx.Client(base_url="http://127.0.0.1:2/", transport=httpx.MockTransport(respond))
    monkeypatch.setattr(module, "loopback_http", lambda _url: client)


def test_the_faults_that_are_on_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [{"name": "stopped-lake", "is_on": True}, {"name": "lost-answers", "is_on": False}]
    given(monkeypatch, httpx.Response(200, json={"faults": faults}))
    assert begun(ADDRESS) == {"stopped-lake"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.Response(401, json={"code": "no_token"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"faults": [{"name": "stopped-lake"}]}),
        httpx.Response(200, json=[]),
    ],
)
def test_a_console_that_does_not_answer_names_none(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | httpx.HTTPError
) -> None:
    given(monkeypatch, answer)
    assert begun(ADDRESS) == frozenset()


def test_a_stack_without_a_console_has_no_faults() -> None:
    assert begun(Address("http://127.0.0.1:1", 1, {}, None, None)) == frozenset()
