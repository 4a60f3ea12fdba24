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
from account_core.service.ports import ROWS_MAX, AccountStore, VersionConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from tests.support.linearizability import CONFLICT, Answer, Operation, Outcome, Request, violation

OCCURRED_AT = "2026-01-31T09:30:00.000001Z"
RESENDS_MAX = 3


class Recorder:
    """The operations of all clients, by one logical clock."""

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
    """A store whose answers get lost, drawn from `random`: before or after it has done its work, or long before.

    Args:
        store: what does the work.
        random: of one client, so that its draws do not depend on the others.
        late: appends that are still on their way, shared by all clients: carried out during a later request.
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
        drawn = self._random.random()
        if drawn < 0.05:
            self._late.append(lambda: self._append_late(rows))
            raise Unavailable("the request is on its way, and nobody waits for it any more")
        if drawn < 0.10:
            raise VersionConflict  # a transaction that another one was in the way of
        is_answer_lost = drawn > 0.92
        try:
            self._store.append(rows, used)
        except VersionConflict as lost:
            if not is_answer_lost:
                raise VersionConflict(lost.competing if self._random.random() > 0.2 else None) from lost
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
    """One thread's worth of requests, drawn from `random`; what has a key is sent again until it is answered.

    Attributes:
        service: on a store of this client's; its cache is shared with others of the same instance.
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
            self.send(self._drawn())

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

    def _drawn(self) -> Request:
        """Keys are drawn from so few that clients send the same at once; now and then one for another command."""
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
    """Instances with a cache each, clients on each of them, one account; then a look at what became of it."""

    seed: int
    account_id: str
    recorder: Recorder = field(default_factory=Recorder)
    late: list[Callable[[], None]] = field(default_factory=list)

    def clients(self, services: Sequence[Callable[[Random], AccountService]], each: int) -> list[Client]:
        """`each` clients on every instance.

        Args:
            services: of each instance, makes one whose faults are drawn from a client's own source.
            each: positive.
        """
        return [
            Client(name, service(Random(f"{name} faults")), self.account_id, Random(name), self.recorder)  # noqa: S311 -- seeded
            for instance, service in enumerate(services)
            for number in range(each)
            for name in [f"seed {self.seed}, instance {instance}, client {number}"]
        ]

    def check(self, store: AccountStore) -> None:
        """Fails with the seed and the history where no order explains it, or the rows are not intact."""
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
    """What is wrong with all rows of an account, newest first: holes, doubled keys, debts, snapshots out of place."""
    rows = list(reversed(newest))
    if [row.version for row in rows] != list(range(1, len(rows) + 1)):
        return f"versions have holes: {[row.version for row in rows]}"
    if any(isinstance(row, EventRow) == (row.version % 10 == 0) for row in rows):
        return "a snapshot is where none belongs, or missing"
    keys = [row.command_id for row in rows if isinstance(row, EventRow) and row.command_id is not None]
    if len(keys) != len(set(keys)):
        return f"a key is in two events: {sorted(keys)}"
    if any(isinstance(row, EventRow | SnapshotRow) and row.balance < 0 for row in rows):
        return "a balance is below zero"
    return None


def _answer(receipt: Receipt) -> Answer:
    return Answer(int(receipt.balance * 100), receipt.sequence, receipt.is_replay)
