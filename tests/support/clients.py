"""Thirty-two clients, each a process. Many are killed, and a successor continues from the journal.

`python -m tests.support.clients URL TABLE DIRECTORY SEED` runs them to the end and prints how many were killed. It is
a separate process because it forks: the clients' modules are loaded once, and no other thread is running at that time.
"""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
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
"""This many clients form pairs that send the same commands with the same keys at the same time."""
HOT, OTHERS = "hot", ("other-1", "other-2", "other-3")
LIVES = 3
"""In each life except the last, a client kills itself at one of its appends, unless it finishes first."""
EXTERNAL_KILLS_MAX = 24
"""Kills by the parent process, in addition to those by the clients themselves."""
PAUSE_MAX_S = 0.2
RESENDS_MAX = 500


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    account_id: str
    request: Request


def planned_requests(seed: int, client: int) -> list[PlannedRequest]:
    """A client's requests, the same for the same seed; some occur twice."""
    client = client // 2 * 2 if client < TWINS else client
    random = Random(f"{seed} orders of {client}")  # noqa: S311 -- seeded
    planned: list[PlannedRequest] = []
    for number in range(ORDERS_EACH):
        if planned and random.random() < 0.15:
            planned.append(random.choice(planned))
            continue
        account_id = HOT if random.random() < 0.5 else random.choice(OTHERS)
        key, cents = f"client-{client}-{number}", random.randrange(1, 90)
        request = Request(random.choice(["credit", "withdraw", "withdraw"]), cents, key)
        planned.append(PlannedRequest(account_id, request))
    return planned


class MortalStore:
    """A store that kills its process at one of its appends, before or after the rows are stored."""

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
    """Send the requests without an answer in the journal. Each answer is written before the next request is sent."""
    random = Random(f"{seed} death of {client} in life {life}")  # noqa: S311 -- seeded
    service = AccountService(MortalStore(store, random, is_mortal=life < LIVES))
    with journal.open("ab", buffering=0) as lines:
        for planned in planned_requests(seed, client)[len(journal.read_bytes().splitlines()) :]:
            lines.write(json.dumps({"key": planned.request.key, **_answer(service, planned)}).encode() + b"\n")


def _answer(service: AccountService, planned: PlannedRequest) -> dict[str, str | int | bool]:
    origin = Origin(OCCURRED_AT, "correlation-1", "request-1", planned.request.key)
    for _ in range(RESENDS_MAX):
        if (parent := multiprocessing.parent_process()) is not None and not parent.is_alive():
            sys.exit("the parent process has ended")
        try:
            receipt = service.execute(planned.account_id, command_of(planned.request), origin)
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
    raise TimeoutError(f"no answer to {planned} after {RESENDS_MAX} attempts")


Work = Callable[[AccountStore, int, int, int, Path], None]
"""A client's life: the store, the seed, the client's number, the number of its life, and its journal."""


def run(store: AccountStore, directory: Path, seed: int, work: Work = work) -> int:
    """Run all clients to the end; return how many were killed."""
    random = Random(seed)  # noqa: S311 -- seeded
    context = multiprocessing.get_context("fork")
    lives = dict.fromkeys(range(CLIENTS), 1)

    def start(client: int) -> ForkProcess:
        arguments = (store, seed, client, lives[client], directory / f"{client}.jsonl")
        process = context.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    running = {client: start(client) for client in lives}
    external_kills = 0
    while running:
        wait([process.sentinel for process in running.values()], timeout=random.uniform(0, PAUSE_MAX_S))
        for client, process in list(running.items()):
            code = process.exitcode  # read once, because the process may end at any time
            if code == 0:
                del running[client]
            elif code is not None:
                assert code == -signal.SIGKILL, f"client {client} ended with {code}"
                lives[client] += 1
                running[client] = start(client)
        if running and external_kills < EXTERNAL_KILLS_MAX:
            running[random.choice(sorted(running))].kill()
            external_kills += 1
    return sum(lives.values()) - CLIENTS


def main(
    url: str, table: str, directory: str, seed: str, *, run: Callable[[AccountStore, Path, int], int] = run
) -> None:
    reads, writes = (
        session().client("dynamodb", endpoint_url=url, config=loopback_config(attempts_max=attempts))
        for attempts in (3, 1)
    )
    killed = run(DynamoDBAccountStore(reads, writes, table), Path(directory), int(seed))
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
