"""Thirty-two clients that move money between eight accounts, each a process. Many are killed, and all meet faults.

`python -m tests.support.transfer_clients URL TABLE DIRECTORY SEED` runs them to the end and prints how many were
killed; see `tests.support.clients`. Each client's journal has every request before it is sent, and then its outcome.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path
from random import Random

from account_core.domain.commands import TransferMoney
from account_core.domain.errors import Conflict, Rejected, Unavailable
from account_core.service.execution import backoff_s
from account_core.service.head import Origin
from account_core.service.ports import AccountStore
from account_core.service.service import AccountService
from tests.support.clients import CLIENTS, LIVES, RESENDS_MAX, TWINS, MortalStore, main, run
from tests.support.histories import OCCURRED_AT, FaultyStore
from tests.support.linearizability import CONFLICT
from tests.support.serializability import Operation, Read, Shown, Transfer
from tests.support.transfer_rows import euros, shown_of

ACCOUNTS = [f"account-{number}" for number in range(8)]
ORDERS_EACH = 8


def planned_requests(seed: int, client: int) -> list[Transfer | Read]:
    """A client's requests, the same for the same seed; twins have the same ones. Most transfers have a key."""
    client = client // 2 * 2 if client < TWINS else client
    random = Random(f"{seed} transfers of {client}")  # noqa: S311 -- seeded
    planned: list[Transfer | Read] = []
    for number in range(ORDERS_EACH):
        if random.random() < 0.2:
            planned.append(Read(random.choice(ACCOUNTS)))
            continue
        payer, receiver = random.sample(ACCOUNTS, 2)
        key = f"client-{client}-{number}" if random.random() < 0.8 else None
        planned.append(Transfer(payer, receiver, random.randrange(1, 150), key))
    return planned


def work(store: AccountStore, seed: int, client: int, life: int, journal: Path) -> None:
    """Send the requests whose outcome is not in the journal. One without a key is not sent again."""
    random = Random(f"{seed} death of {client} in life {life}")  # noqa: S311 -- seeded
    faulty = FaultyStore(MortalStore(store, random, is_mortal=life < LIVES), random, [])
    service = AccountService(faulty, pause=lambda conflicts: time.sleep(backoff_s(conflicts, random.random())))
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()] if journal.exists() else []
    ids = (f"transfer-{client}-{life}-{number}" for number in count(1))
    with journal.open("ab", buffering=0) as file:
        for number, request in enumerate(planned_requests(seed, client)):
            before = [line for line in lines if line["number"] == number]
            if before and (before[-1].get("is_final") or not _may_repeat(request)):
                continue
            for line in _sent(service, request, ids):
                file.write(json.dumps({"number": number, **line}).encode() + b"\n")


def _sent(service: AccountService, request: Transfer | Read, ids: Iterator[str]) -> Iterator[dict[str, object]]:
    """Send a request until it has an outcome; yield a line before and after each attempt."""
    for transfer_id in (next(ids) for _ in range(RESENDS_MAX)):
        if (parent := multiprocessing.parent_process()) is not None and not parent.is_alive():
            sys.exit("the parent process has ended")
        yield {"invoked": time.monotonic_ns(), "transfer_id": transfer_id}
        outcome = outcome_of(service, request, transfer_id)
        is_final = outcome not in (None, CONFLICT) or not _may_repeat(request)
        shown = asdict(outcome) if isinstance(outcome, Shown) else outcome
        yield {"answered": time.monotonic_ns(), "outcome": shown, "is_final": is_final}
        if is_final:
            return
    raise TimeoutError(f"no answer to {request} after {RESENDS_MAX} attempts")


def outcome_of(service: AccountService, request: Transfer | Read, transfer_id: str) -> Shown | str | None:
    try:
        if isinstance(request, Read):
            return shown_of(service.read(request.account_id))
        origin = Origin(OCCURRED_AT, "correlation-1", "request-1", request.key)
        command = TransferMoney(request.receiver, euros(request.cents), transfer_id)
        return shown_of(service.execute(request.payer, command, origin))
    except Rejected as error:
        return error.code
    except Conflict:
        return CONFLICT
    except Unavailable:
        return None


def _may_repeat(request: Transfer | Read) -> bool:
    return isinstance(request, Read) or request.key is not None


def operations(directory: Path, seed: int) -> list[Operation]:
    """The operations in all journals. A client that was killed has no outcome."""
    found: list[Operation] = []
    for client in range(CLIENTS):
        planned = planned_requests(seed, client)
        lines = [json.loads(line) for line in (directory / f"{client}.jsonl").read_bytes().splitlines()]
        assert {line["number"] for line in lines} == set(range(ORDERS_EACH)), f"client {client} did not end"
        for line, following in zip(lines, [*lines[1:], {}], strict=True):
            if "invoked" in line:
                answered, outcome = following.get("answered", time.monotonic_ns()), following.get("outcome")
                shown = Shown(**outcome) if isinstance(outcome, dict) else outcome
                request, own = planned[line["number"]], line["transfer_id"]
                found.append(Operation(f"client-{client}", request, line["invoked"], answered, shown, own))
    return found


def start(store: AccountStore, directory: Path, seed: int) -> int:
    return run(store, directory, seed, work)


if __name__ == "__main__":
    main(*sys.argv[1:], run=start)
