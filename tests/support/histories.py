"""Clients that use one account concurrently, and their history, which `linearizability` checks."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from random import Random

from account_core.domain.commands import Command, CreateAccount, Credit, Withdraw
from account_core.domain.errors import Conflict, PreconditionFailed, Rejected, Unavailable
from account_core.domain.events import EventRow, Row, SnapshotRow, StoredRow
from account_core.service.execution import Conditions, Receipt
from account_core.service.head import Origin
from account_core.service.ports import ROWS_MAX, AccountStore, VersionConflict, WriteConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from tests.support.linearizability import CONFLICT, Answer, Operation, Outcome, Request, violation

OCCURRED_AT = "2026-01-31T09:30:00.000001Z"
RESENDS_MAX = 3


class Recorder:
    """Records the operations of all clients, with times of one logical clock."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._ticks = count()
        self._lock = threading.Lock()

    def now(self) -> int:
        with self._lock:
            return next(self._ticks)

    def add(self, operation: Operation) -> None:
        with self._lock:
            self.operations.append(operation)


class FaultyStore:
    """A store that loses requests and answers, or carries out an append only after the client has given up.

    Args:
        store: carries out the requests.
        random: decides on the faults; each client has its own, so that its faults do not depend on other clients.
        late: delayed appends, shared by all clients. Each is carried out during a later request.
    """

    def __init__(self, store: AccountStore, random: Random, late: list[Callable[[], None]]) -> None:
        self._store = store
        self._random = random
        self._late = late

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        self._meet_fault()
        return self._store.newest(account_id, used, limit, up_to)

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        self._meet_fault()
        return self._store.find(account_id, command_id, used)

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        self._meet_fault()
        chance = self._random.random()
        if chance < 0.05:
            self._late.append(lambda: self._append_late(rows))
            raise Unavailable("the request is delayed")
        if chance < 0.10:
            raise WriteConflict
        is_answer_lost = chance > 0.92
        try:
            self._store.append(rows, used)
        except VersionConflict as conflict:
            if not is_answer_lost:
                raise VersionConflict(*(conflict.competing if self._random.random() > 0.2 else ())) from conflict
        if is_answer_lost:
            raise Unavailable("the answer was lost")

    def _meet_fault(self) -> None:
        if self._late and self._random.random() < 0.3:
            carry_out(self._late)
        if self._random.random() < 0.02:
            raise Unavailable("the request was lost")

    def _append_late(self, rows: Sequence[Row]) -> None:
        try:
            self._store.append(rows, Usage())
        except VersionConflict:
            return


def carry_out(late: list[Callable[[], None]]) -> None:
    """Carry out one delayed append, if there is one."""
    try:
        request = late.pop()
    except IndexError:
        return
    request()


@dataclass
class Client:
    """A client that sends random requests. It repeats a request with a key until it is answered, up to a limit.

    Attributes:
        service: uses this client's store, and the cache of the instance, which other clients share.
    """

    name: str
    service: AccountService
    account_id: str
    random: Random
    recorder: Recorder
    sequence: int = 0

    def run(self, requests: int) -> None:
        self.send(Request("create"))
        for _ in range(requests):
            self.send(self._random_request())

    def send(self, request: Request) -> None:
        for _ in range(RESENDS_MAX):
            outcome = self._send_once(request)
            if isinstance(outcome, Answer):
                self.sequence = outcome.sequence
            if request.key is None or outcome not in (None, CONFLICT):
                return

    def _send_once(self, request: Request) -> Outcome:
        invoked = self.recorder.now()
        outcome = self._outcome(request)
        self.recorder.add(Operation(self.name, request, invoked, self.recorder.now(), outcome))
        return outcome

    def _outcome(self, request: Request) -> Outcome:
        try:
            if request.kind == "read":
                return _answer(self.service.read(self.account_id))
            origin = Origin(OCCURRED_AT, "correlation-1", "request-1", request.key)
            conditions = Conditions(request.sequences)
            receipt = self.service.execute(
                self.account_id, command_of(request), origin, conditions, has_time=lambda: self.random.random() < 0.95
            )
        except (Rejected, PreconditionFailed) as error:
            return error.code
        except Conflict:
            return CONFLICT
        except Unavailable:
            return None
        return _answer(receipt)

    def _random_request(self) -> Request:
        """Keys come from a small set, so that clients often use one at the same time, or for different commands."""
        draw = self.random
        number = draw.randrange(5)
        if number == 0:
            return Request("read")
        key = draw.choice([*[None] * 6, *(f"key-{n}" for n in range(6))])
        if key is not None and draw.random() < 0.9:
            return Request("withdraw" if int(key[-1]) % 2 else "credit", 100 + int(key[-1]), key)
        near = frozenset({self.sequence + draw.choice([0, 0, 1]), self.sequence + 1})
        sequences = near if draw.random() < 0.25 else None
        return Request("credit" if number < 3 else "withdraw", draw.randrange(1, 90), key, sequences)


@dataclass
class Play:
    """Clients of one account on several instances, each instance with a cache, and the check of their history."""

    seed: int
    account_id: str
    recorder: Recorder = field(default_factory=Recorder)
    late: list[Callable[[], None]] = field(default_factory=list)

    def clients(self, services: Sequence[Callable[[Random], AccountService]], each: int) -> list[Client]:
        """Create the clients of all instances.

        Args:
            services: for each instance, a function that makes a service whose faults depend on a client's own `Random`.
            each: the number of clients per instance.
        """
        return [
            Client(name, service(Random(f"{name} faults")), self.account_id, Random(name), self.recorder)  # noqa: S311 -- seeded
            for instance, service in enumerate(services)
            for number in range(each)
            for name in [f"seed {self.seed}, instance {instance}, client {number}"]
        ]

    def check(self, store: AccountStore) -> None:
        """Fail with the seed and the history if no order explains the history or the rows are not intact."""
        while self.late:
            carry_out(self.late)
        reader = Client("reader", AccountService(store), self.account_id, Random(0), self.recorder)  # noqa: S311 -- unused
        reader.send(Request("read"))
        history = sorted(self.recorder.operations, key=lambda operation: operation.invoked)
        found = violation(history) or rows_violation(store.newest(self.account_id, Usage(), limit=1_000))
        assert not found, "\n".join([f"seed {self.seed}: {found}", "history:", *map(str, history)])


def command_of(request: Request) -> Command:
    match request.kind:
        case "credit":
            return Credit(Decimal(request.cents) / 100)
        case "withdraw":
            return Withdraw(Decimal(request.cents) / 100)
    return CreateAccount("owner-1", "EUR")


def rows_violation(newest: Sequence[StoredRow]) -> str | None:
    """What is wrong with an account's rows, newest first: gaps, misplaced snapshots, repeated keys or a debt."""
    rows = list(reversed(newest))
    if [row.version for row in rows] != list(range(1, len(rows) + 1)):
        return f"versions have gaps: {[row.version for row in rows]}"
    if any(isinstance(row, EventRow) == (row.version % 10 == 0) for row in rows):
        return "a snapshot is missing or in the wrong place"
    keys = [row.command_id for row in rows if isinstance(row, EventRow) and row.command_id is not None]
    if len(keys) != len(set(keys)):
        return f"two events have the same key: {sorted(keys)}"
    if any(isinstance(row, EventRow | SnapshotRow) and row.balance < 0 for row in rows):
        return "a balance is below zero"
    return None


def _answer(receipt: Receipt) -> Answer:
    return Answer(int(receipt.balance * 100), receipt.sequence, receipt.is_replay)
