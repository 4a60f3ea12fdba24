"""Sends commands at a steady rate from several clients."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Self

import httpx

from local_stack.address import Address

OK, CREATED, TIMED_OUT = 200, 201, 504
CLIENTS = 12
ACCOUNTS_EACH = 4
AMOUNT = {"amount": "12.50"}
EventKey = tuple[str, int]
"""An account's id and a sequence."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted command, with its times in seconds since 1970.

    Attributes:
        planned_s: when the steady rate called for it.
        sent_s: when a client sent it; later than planned if all clients were waiting for responses.
        accepted_s: when the client had the response.
    """

    key: EventKey
    planned_s: float
    sent_s: float
    accepted_s: float


@dataclass(slots=True)
class Load:
    """What the clients sent. `refused` are the status codes of other responses than 200; TIMED_OUT without one."""

    accepted: list[Sent] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


class Clients:
    """Clients with accounts of their own, so that commands do not conflict. Use it as a context manager."""

    def __init__(self, address: Address, clients: int = CLIENTS) -> None:
        self._https = [address.http() for _ in range(clients)]
        self._accounts: list[Sequence[str]] = []

    def __enter__(self) -> Self:
        # One after the other: the emulator starts a process for each concurrent call, and a busy machine takes long.
        self._accounts = [_opened(http) for http in self._https]
        return self

    def __exit__(self, *_: object) -> None:
        for http in self._https:
            http.close()

    def send(self, rate: float, seconds: float) -> Load:
        """Send `rate` credits a second for that time, whatever the responses take, as far as there are free clients."""
        load, numbers, lock = Load(), count(), threading.Lock()
        begun_s, total = time.time(), round(rate * seconds)

        def work(client: int) -> None:
            http, accounts = self._https[client], self._accounts[client]
            for turn in count():
                with lock:
                    number = next(numbers)
                if number >= total:
                    return
                planned_s = begun_s + number / rate
                time.sleep(max(0.0, planned_s - time.time()))
                _credit(http, accounts[turn % len(accounts)], planned_s, load)

        with ThreadPoolExecutor(len(self._https)) as pool:
            list(pool.map(work, range(len(self._https))))
        return load


def _opened(http: httpx.Client) -> Sequence[str]:
    accounts = []
    for number in range(ACCOUNTS_EACH):
        answer = http.post("/accounts", json={"owner": f"owner-{number}", "currency": "EUR"})
        if answer.status_code != CREATED:
            raise RuntimeError(f"An account was not opened: {answer.status_code} {answer.text}")
        accounts.append(answer.json()["accountId"])
    return accounts


def _credit(http: httpx.Client, account: str, planned_s: float, load: Load) -> None:
    sent_s = time.time()
    try:
        answer = http.post(f"/accounts/{account}/credit", json=AMOUNT)
    except httpx.TimeoutException:
        load.refused.append(TIMED_OUT)
        return
    accepted_s = time.time()
    if answer.status_code == OK:
        load.accepted.append(Sent((account, answer.json()["sequence"]), planned_s, sent_s, accepted_s))
    else:
        load.refused.append(answer.status_code)
