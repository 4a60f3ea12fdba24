"""Thirty-two clients, each a process, many of which are killed; a successor continues from the journal.

`python -m tests.support.clients URL TABLE DIRECTORY SEED` runs them to the end and prints how many were killed. It is
a process of its own because it forks: what all clients need is loaded once, and no thread is running then.
"""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from random import Random

from account_core.domain.errors import Conflict, Rejected, Unavailable
from account_core.domain.events import EventRow, Row, StoredRow
from account_core.service.head import Origin
from account_core.service.ports import ROWS_MAX, AccountStore
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from tests.support.histories import OCCURRED_AT, command_of
from tests.support.linearizability import Request

CLIENTS, ORDERS_EACH = 32, 8
TWINS = 16
"""So many clients form pairs that send the same commands with the same keys at the same time."""
HOT, OTHERS = "hot", ("other-1", "other-2", "other-3")
LIVES = 3
"""In each life except the last, a client kills itself at one of its appends, unless it finishes first."""
KILLS_FROM_OUTSIDE_MAX = 24
PAUSE_MAX_S = 0.2
RESENDS_MAX = 500


@dataclass(frozen=True, slots=True)
class Order:
    account_id: str
    request: Request


def orders(seed: int, client: int) -> list[Order]:
    """A client's orders, the same for the same seed; some occur twice."""
    client = client // 2 * 2 if client < TWINS else client
    random = Random(f"{seed} orders of {client}")  # noqa: S311 -- seeded
    wanted: list[Order] = []
    for number in range(ORDERS_EACH):
        if wanted and random.random() < 0.15:
            wanted.append(random.choice(wanted))
            continue
        account_id = HOT if random.random() < 0.5 else random.choice(OTHERS)
        key, cents = f"client-{client}-{number}", random.randrange(1, 90)
        wanted.append(Order(account_id, Request(random.choice(["credit", "withdraw", "withdraw"]), cents, key)))
    return wanted


class MortalStore:
    """Kills its process at a given append: before it, or after it but before the answer."""

    def __init__(self, store: AccountStore, random: Random, *, is_mortal: bool) -> None:
        self._store = store
        self._appends_left = random.randrange(1, 2 * ORDERS_EACH) if is_mortal else sys.maxsize
        self._is_killed_before = random.random() < 0.3

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        return self._store.newest(account_id, used, limit, up_to)

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        return self._store.find(account_id, command_id, used)

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        self._appends_left -= 1
        if not self._appends_left and self._is_killed_before:
            os.kill(os.getpid(), signal.SIGKILL)
        self._store.append(rows, used)
        if self._appends_left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def work(store: AccountStore, seed: int, client: int, life: int, journal: Path) -> None:
    """Carry out the orders without an answer in the journal. Each answer is written before the next order is sent."""
    random = Random(f"{seed} death of {client} in life {life}")  # noqa: S311 -- seeded
    service = AccountService(MortalStore(store, random, is_mortal=life < LIVES))
    with journal.open("ab", buffering=0) as lines:
        for order in orders(seed, client)[len(journal.read_bytes().splitlines()) :]:
            lines.write(json.dumps({"key": order.request.key, **_answer(service, order)}).encode() + b"\n")


def _answer(service: AccountService, order: Order) -> dict[str, str | int | bool]:
    origin = Origin(OCCURRED_AT, "correlation-1", "request-1", order.request.key)
    for _ in range(RESENDS_MAX):
        if (parent := multiprocessing.parent_process()) is not None and not parent.is_alive():
            sys.exit("nobody is interested any more")
        try:
            receipt = service.execute(order.account_id, command_of(order.request), origin)
        except Rejected as error:
            return {"refused": error.code}
        except (Conflict, Unavailable):
            continue
        cents = int(receipt.balance * 100)
        return {
            "cents": cents,
            "sequence": receipt.sequence,
            "is_replay": receipt.is_replay,
        }
    raise TimeoutError(f"no answer to {order}")


def run(store: AccountStore, directory: Path, seed: int) -> int:
    """Run all clients to the end; return how many were killed."""
    random = Random(seed)  # noqa: S311 -- seeded
    context = multiprocessing.get_context("fork")
    lives = dict.fromkeys(range(CLIENTS), 1)

    def started(client: int) -> ForkProcess:
        arguments = (store, seed, client, lives[client], directory / f"{client}.jsonl")
        process = context.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    running = {client: started(client) for client in lives}
    outside = 0
    while running:
        wait([process.sentinel for process in running.values()], timeout=random.uniform(0, PAUSE_MAX_S))
        for client, process in list(running.items()):
            code = process.exitcode  # read once: it may end meanwhile
            if code == 0:
                del running[client]
            elif code is not None:
                assert code == -signal.SIGKILL, f"client {client} ended with {code}"
                lives[client] += 1
                running[client] = started(client)
        if running and outside < KILLS_FROM_OUTSIDE_MAX:
            running[random.choice(sorted(running))].kill()
            outside += 1
    return sum(lives.values()) - CLIENTS


def main(url: str, table: str, directory: str, seed: str) -> None:
    reads, writes = (
        session().client("dynamodb", endpoint_url=url, config=loopback_config(attempts_max=attempts))
        for attempts in (3, 1)
    )
    killed = run(DynamoDBAccountStore(reads, writes, table), Path(directory), int(seed))
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
