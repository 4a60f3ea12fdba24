"""A fault that no emulator simulates: a write is stored and its answer is lost."""

import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from botocore.config import Config

from account_core.domain.commands import CreateAccount, Credit, Withdraw
from account_core.domain.errors import Unavailable
from account_core.service.head import Origin
from account_core.service.service import AccountService
from account_core.settings import WRITES
from account_core.store.dynamodb_store import DynamoDBAccountStore
from local_stack.local_tables import make_table, session

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")
WRITE_OPERATIONS = {"PutItem", "TransactWriteItems"}


class _LossyProxy(BaseHTTPRequestHandler):
    """Forwards requests to the emulator. For the next `losses` writes it drops the answer and the connection."""

    target = ""
    losses = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        answer = httpx.post(self.target, content=body, headers=headers, trust_env=False)
        if self.headers["X-Amz-Target"].rpartition(".")[2] in WRITE_OPERATIONS and _LossyProxy.losses:
            _LossyProxy.losses -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- the base class's signature
        """Log nothing."""


@pytest.fixture
def lossy_url(emulator_url: str) -> Iterator[str]:
    _LossyProxy.target = emulator_url
    server = ThreadingHTTPServer(("127.0.0.1", 0), _LossyProxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _service(url: str, emulator_url: str, writes: Config) -> AccountService:
    direct = session().client("dynamodb", endpoint_url=emulator_url)
    lossy = session().client("dynamodb", endpoint_url=url, config=writes)
    store = DynamoDBAccountStore(direct, lossy, make_table(direct))
    service = AccountService(store)
    service.execute("a", CreateAccount("owner-1", "EUR"), ORIGIN)
    service.execute("a", Credit(Decimal("100.00")), ORIGIN)
    return service


@pytest.mark.parametrize("age", [2, 8], ids=["put", "transaction"])
def test_a_write_with_a_lost_answer_is_unavailable_and_stored_once(lossy_url: str, emulator_url: str, age: int) -> None:
    service = _service(lossy_url, emulator_url, WRITES)
    for _ in range(age - 2):
        service.execute("a", Credit(Decimal("0.01")), ORIGIN)
    _LossyProxy.losses = 1
    with pytest.raises(Unavailable, match="unknown"):
        service.execute("a", Withdraw(Decimal("40.00")), ORIGIN)
    receipt = service.read("a")
    assert receipt.sequence == age + 1
    assert receipt.balance == Decimal("60.00") + Decimal("0.01") * (age - 2)


def test_a_client_that_retries_would_store_it_twice(lossy_url: str, emulator_url: str) -> None:
    """The reason why the writing client must not retry."""
    service = _service(lossy_url, emulator_url, Config(retries={"total_max_attempts": 3, "mode": "standard"}))
    _LossyProxy.losses = 1
    service.execute("a", Withdraw(Decimal("40.00")), ORIGIN)
    assert service.read("a").balance == Decimal("20.00")
