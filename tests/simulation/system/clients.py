"""Clients that create accounts, credit, withdraw and transfer concurrently, and repeat what was not answered."""

from collections.abc import Callable
from itertools import count

from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.api import Gateway, Request
from tests.simulation.system.commands import Command, Kind, Sent

CLIENTS = 1, 2, 4, 6
ACCOUNTS_MAX = 4
STEPS_S = 0.0, 0.0, 0.01, 0.2, 1.5
"""How much time may pass between two steps of the clients."""
REQUESTS_MAX = 40
"""A request without faults ends within so many steps."""
ATTEMPTS_MAX = 5
"""Without faults, a keyed command is answered within so many attempts: only the other clients compete."""
UNKNOWN_ACCOUNT = "nobody"
RICH = 0.0, 0.01, 0.1
"""The probability that a credit brings an account near the limit of its balance."""
LIMIT_CENTS = 999_999_999_999_999_999
CODES = {
    "account_full",
    "account_not_found",
    "balance_limit_exceeded",
    "conflict",
    "idempotency_key_reused",
    "insufficient_funds",
    "precondition_failed",
    "receiver_refused",
    "transfer_to_itself",
    "unavailable",
}
"""Every problem that these clients can meet."""


class Reading:
    """A request for an account's state."""

    def __init__(self, account_id: str, at_least: int) -> None:
        self.account_id = account_id
        self.at_least = at_least


class Client:
    """One client, with one request in progress at a time."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.at_work: tuple[Command | Reading, Request, Sent | None] | None = None


class Clients:
    """All clients of a scenario.

    Args:
        newest: returns the sequence of an account's newest event.

    Attributes:
        commands: everything that was ever sent.
        states: the balance in cents of each account at each sequence that an answer has shown.
    """

    def __init__(self, seed: int, fault_plan: FaultPlan, gateway: Gateway, newest: Callable[[str], int]) -> None:
        self._seed = seed
        self._newest_of = newest
        self._fault_plan = fault_plan
        self._random = random = fault_plan.random
        self._gateway = gateway
        self._numbers, self._keys = count(1), count(1)
        self._clients = [Client(f"owner-{number % 3}") for number in range(random.choice(CLIENTS))]
        self._currencies = random.choice((["EUR"], ["EUR", "EUR", "EUR", "USD"]))
        self._rich = random.choice(RICH)
        self._accounts: dict[str, str] = {}
        self._newest: dict[str, int] = {}
        self.commands: list[Command] = []
        self.states: set[tuple[str, int, str]] = set()

    def pause(self) -> None:
        """Let time pass, and then continue."""
        self._fault_plan.clock.now_s += self._random.choice(STEPS_S)
        self.step()

    def step(self) -> None:
        """Let a client continue its request, or begin another one."""
        client = self._random.choice(self._clients)
        if client.at_work is None:
            self._begin(client)
        else:
            self._continue(client)

    def finish(self) -> None:
        """Without further faults, every request in progress ends, and every command with a key is answered."""
        for _ in range(REQUESTS_MAX):
            for client in self._clients:
                if client.at_work is not None:
                    self._continue(client)
        for _ in range(ATTEMPTS_MAX):
            for command in [command for command in self.commands if command.is_open]:
                self._send(self._clients[0], command)
                while self._clients[0].at_work is not None:
                    self._continue(self._clients[0])
        if unanswered := [str(command) for command in self.commands if command.is_open]:
            raise PromiseBroken(f"commands with a key are never answered: {unanswered}")

    def abandon(self) -> None:
        for client in self._clients:
            if client.at_work is not None:
                client.at_work[1].abandon()

    def _begin(self, client: Client) -> None:
        random = self._random
        opened = [command for command in self.commands if command.is_open]
        if opened and random.random() < 0.4:
            self._send(client, random.choice(opened))
        elif self._accounts and random.random() < 0.1:
            account_id = random.choice(list(self._accounts))
            reading = Reading(account_id, self._newest.get(account_id, 0))
            headers = {"X-Request-Id": f"read-{next(self._numbers)}"}
            request = self._gateway.begin("GET", f"/accounts/{account_id}", None, headers, client.subject)
            client.at_work = reading, request, None
        else:
            self._send(client, self._chosen(client))

    def _chosen(self, client: Client) -> Command:
        random = self._random
        keyed = [command for command in self.commands if command.key is not None]
        if keyed and random.random() < 0.15:
            return random.choice(keyed)  # again, perhaps at the same time
        transfers = [command for command in keyed if command.kind == "transfer"]
        if transfers and random.random() < 0.05:
            return random.choice((self._to_another, self._as_a_withdrawal))(random.choice(transfers))
        if len(self._accounts) < ACCOUNTS_MAX and (len(self._accounts) < 2 or random.random() < 0.1):
            return self._new("create", "", client.subject, currency=random.choice(self._currencies))
        kinds: list[Kind] = ["credit", "withdraw", "transfer"]
        [kind] = random.choices(kinds, (30, 12, 58))
        account_id = random.choice(list(self._accounts))
        subject = client.subject if random.random() < 0.1 else self._accounts[account_id]
        cents = random.randrange(10_000, 30_000) if kind == "credit" else random.randrange(1, 4_000)
        if kind == "credit" and random.random() < self._rich:
            cents = LIMIT_CENTS - random.randrange(60_000)
        command = self._new(kind, account_id, subject, cents=cents)
        if kind == "transfer":
            others = [other for other in self._accounts if other != account_id]
            command.to = random.choice([*others * 8, account_id, UNKNOWN_ACCOUNT])
        if keyed and random.random() < 0.1:  # a key of another command, on this account or another one
            self._take_key(command, random.choice(random.choice((keyed, keyed[-3:]))).key)
        if random.random() < 0.1:
            command.if_match = f'"s-{self._newest.get(account_id, 1)}"'
        return command

    def _take_key(self, command: Command, key: str | None) -> None:
        """Give a command the key of another one, unless the two are the same: then it would be a repetition."""
        facts = (command.kind, command.account_id, command.cents, command.to)
        if all((each.kind, each.account_id, each.cents, each.to) != facts for each in self.commands if each.key == key):
            command.key = key

    def _to_another(self, first: Command) -> Command:
        """A transfer with the key and the amount of an earlier one, but to another account."""
        same = [each for each in self.commands if (each.account_id, each.key) == (first.account_id, first.key)]
        taken = {first.account_id, *(each.to for each in same)}
        others = [account_id for account_id in (*self._accounts, UNKNOWN_ACCOUNT) if account_id not in taken]
        if not others:
            return first
        command = self._new("transfer", first.account_id, first.subject, cents=first.cents)
        command.to, command.key = self._random.choice(others), first.key
        return command

    def _as_a_withdrawal(self, first: Command) -> Command:
        """A withdrawal with the key and the amount of an earlier transfer."""
        command = self._new("withdraw", first.account_id, first.subject, cents=first.cents)
        self._take_key(command, first.key)
        return command

    def _new(self, kind: Kind, account_id: str, subject: str, *, cents: int = 0, currency: str = "") -> Command:
        number = next(self._numbers)
        key = f"key-{self._seed}-{next(self._keys)}" if self._random.random() < 0.7 else None
        command = Command(kind, account_id, subject, f"c-{self._seed}-{number}", cents, currency, key=key)
        self.commands.append(command)
        return command

    def _send(self, client: Client, command: Command) -> None:
        sent = command.send(self._newest_of, self._fault_plan.clock.now_s)
        self._fault_plan.note("sent", command)
        request = self._gateway.begin("POST", command.target, command.body, command.headers, command.subject)
        client.at_work = command, request, sent

    def _continue(self, client: Client) -> None:
        assert client.at_work is not None
        what, request, sent = client.at_work
        try:
            if request.step():
                return
        except BaseException:
            client.at_work = None
            raise
        client.at_work = None
        is_lost = request.status == 0 or self._fault_plan.strikes("api answer lost")
        if isinstance(what, Reading):
            self._take_reading(what, 0 if is_lost else request.status, request)
            return
        what.last_ended_s = self._fault_plan.clock.now_s
        if is_lost or sent is None:
            what.lose()
        else:
            self._take_answer(what, sent, request)

    def _take_reading(self, reading: Reading, status: int, request: Request) -> None:
        if status != 200:
            return
        sequence = request.body["sequence"]
        if sequence < reading.at_least:
            raise PromiseBroken(f"a read of {reading.account_id} returns sequence {sequence} after {reading.at_least}")
        self._take_state(reading.account_id, request)

    def _take_answer(self, command: Command, sent: Sent, request: Request) -> None:
        answer = command.take(sent, request.status, request.body, self._newest_of)
        self._fault_plan.note("answered", request.status, request.body, command.correlation_id)
        if answer.code is not None and answer.code not in CODES:
            raise PromiseBroken(f"an unexpected problem: {command}")
        if answer.is_applied:
            account_id = request.body["accountId"]
            if command.kind == "create":
                self._accounts[account_id] = command.subject
            self._take_state(account_id, request)

    def _take_state(self, account_id: str, request: Request) -> None:
        sequence = request.body["sequence"]
        self.states.add((account_id, sequence, request.body["balance"]))
        self._newest[account_id] = max(sequence, self._newest.get(account_id, 0))
