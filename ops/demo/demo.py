"""The demo: sends commands through a local stack and checks that API, table, stream and read model agree."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import httpx

from account_core.domain.commands import Credit
from account_core.domain.events import Row
from account_core.service.head import Origin, timestamp
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from account_events.avro.codec import DomainEvent
from local_stack.errors import CommandError
from local_stack.event_stream import EventStreamReader
from local_stack.local_deployment import LocalDeployment
from ops.ledger.audit import AccountAudit, audit

SETTLE_TIMEOUT_S = 60.0
FAILURES_MAX = 5
"""In a healthy stack no invocation fails. After this many failures the demo stops waiting."""

ACCOUNTS = (("owner-1", "EUR"), ("owner-1", "EUR"), ("owner-1", "USD"), ("owner-2", "CHF"))
READ_TIMEOUT_S = 10.0
LONG_ACCOUNT_COMMANDS = 24
"""Together with the creation, 25 events: rows 10 and 20 are snapshots."""
CONCURRENT_COMMANDS = 16
CONCURRENT_CLIENTS = 4
TRANSFERS = 8


@dataclass
class DemoResult:
    """The commands that the demo sent, and the state that it found afterwards.

    Attributes:
        accepted: the number of events per account that accepted commands made: one each, and a transfer two.
        balances: the final balance per account, from the API.
        listed: the final balance per account, from the read model of accounts by owner.
        answers: the number of API responses by HTTP status.
        transfers: the amount of each accepted transfer, by its id.
        conflicts: forced version conflicts; each was resolved by deciding again.
        failures: the differences found; empty if the stack works.
    """

    accepted: Counter[str] = field(default_factory=Counter)
    balances: dict[str, Decimal] = field(default_factory=dict)
    listed: dict[str, Decimal] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    transfers: dict[str, Decimal] = field(default_factory=dict)
    conflicts: int = 0
    audits: dict[str, AccountAudit] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Demo:
    """One demo run on a running local stack."""

    def __init__(self, deployment: LocalDeployment, progress: Callable[[str], None]) -> None:
        self._deployment = deployment
        self._progress = progress
        self._api = deployment.address.http()  # with JWT, an operator's token: it may open accounts for several owners
        self._result = DemoResult()
        self._expected: dict[str, Decimal] = {}

    def run(self) -> DemoResult:
        with self._api:
            self._progress("opening four accounts")
            long, busy, raced, quiet = (self._open(*each) for each in ACCOUNTS)
            self._progress(f"sending {LONG_ACCOUNT_COMMANDS} commands to one account, enough for two snapshots")
            for number in range(LONG_ACCOUNT_COMMANDS):
                self._send(long, "withdraw" if number % 3 == 2 else "credit", Decimal(number + 1) / 4)  # noqa: PLR2004
            self._progress("sending a withdrawal that the balance does not cover")
            self._send(quiet, "credit", Decimal("25.00"))
            self._expect(self._send(quiet, "withdraw", Decimal("25.01")), 422)
            self._progress(
                f"sending {CONCURRENT_COMMANDS} withdrawals from one account, {CONCURRENT_CLIENTS} at a time"
            )
            self._send(busy, "credit", Decimal("100.00"))
            with ThreadPoolExecutor(CONCURRENT_CLIENTS) as pool:
                answers = pool.map(lambda _: self._post(busy, "withdraw", Decimal("9.50")), range(CONCURRENT_COMMANDS))
            for answer in answers:  # counted here, so that the threads share no state
                self._record(answer, busy, "withdraw", Decimal("9.50"))
            self._progress(f"sending {TRANSFERS} transfers between two accounts, {CONCURRENT_CLIENTS} at a time")
            self._transfer_concurrently(long, busy)
            self._progress("sending a transfer to an account in another currency")
            self._expect(self._transfer(busy, quiet, Decimal("0.01")), 422)
            self._progress("forcing a version conflict")
            self._force_conflict(raced)
            self._progress("waiting for the projector and the consumers")
            self._settle()
            self._compare()
        return self._result

    def _open(self, owner: str, currency: str) -> str:
        answer = self._api.post("/accounts", json={"owner": owner, "currency": currency})
        self._expect(answer, 201)
        account_id: str = answer.json()["accountId"]
        self._expected[account_id] = Decimal(0)
        self._count(answer, account_id)
        return account_id

    def _send(self, account_id: str, command: str, amount: Decimal) -> httpx.Response:
        answer = self._post(account_id, command, amount)
        self._record(answer, account_id, command, amount)
        return answer

    def _post(self, account_id: str, command: str, amount: Decimal) -> httpx.Response:
        return self._api.post(f"/accounts/{account_id}/{command}", json={"amount": f"{amount:.2f}"})

    def _record(self, answer: httpx.Response, account_id: str, command: str, amount: Decimal) -> None:
        self._count(answer, account_id)
        if answer.is_success:
            self._expected[account_id] += amount if command == "credit" else -amount

    def _transfer_concurrently(self, one: str, other: str) -> None:
        """Sends transfers in both directions at the same time."""
        pairs = [(one, other) if number % 2 else (other, one) for number in range(TRANSFERS)]
        with ThreadPoolExecutor(CONCURRENT_CLIENTS) as pool:
            answers = pool.map(lambda pair: self._post_transfer(pair[0], pair[1], Decimal("1.25")), pairs)
        for (payer, receiver), answer in zip(pairs, answers, strict=True):
            self._record_transfer(answer, payer, receiver, Decimal("1.25"))

    def _transfer(self, payer: str, receiver: str, amount: Decimal) -> httpx.Response:
        answer = self._post_transfer(payer, receiver, amount)
        self._record_transfer(answer, payer, receiver, amount)
        return answer

    def _post_transfer(self, payer: str, receiver: str, amount: Decimal) -> httpx.Response:
        return self._api.post(f"/accounts/{payer}/transfer", json={"to": receiver, "amount": f"{amount:.2f}"})

    def _record_transfer(self, answer: httpx.Response, payer: str, receiver: str, amount: Decimal) -> None:
        """A transfer makes an event on each account."""
        self._count(answer, payer)
        if answer.is_success:
            self._result.accepted[receiver] += 1
            self._expected[payer] -= amount
            self._expected[receiver] += amount
            self._result.transfers[answer.json()["transferId"]] = amount

    def _count(self, answer: httpx.Response, account_id: str) -> None:
        self._result.answers[answer.status_code] += 1
        self._result.accepted[account_id] += answer.is_success
        if answer.is_server_error:
            raise CommandError(f"The API returned {answer.status_code}: {answer.text[:300]}")

    def _force_conflict(self, account_id: str) -> None:
        """Executes a command in this process. Before it appends its event, the API executes another one."""
        address = self._deployment.address
        store = _ConflictingStore(
            address.client("dynamodb"),
            address.client("dynamodb", attempts_max=1),
            address.outputs["TableName"],
        )
        store.competing_command = lambda: self._send(account_id, "credit", Decimal("1.00"))
        origin = Origin(timestamp(datetime.now(UTC)), "demo-forced-conflict", "demo")
        used = Usage()
        AccountService(store).execute(account_id, Credit(Decimal("2.00")), origin, used=used)
        self._expected[account_id] += Decimal("2.00")
        self._result.accepted[account_id] += 1
        self._result.conflicts += used.conflicts
        if used.conflicts != 1:
            self._result.failures.append(f"one version conflict was forced, but {used.conflicts} occurred")

    def _settle(self) -> None:
        deployment, deadline = self._deployment, time.monotonic() + SETTLE_TIMEOUT_S
        while not deployment.wait_until_idle(1.0):
            deployment.assert_running()
            failures = {name: mapping.status().totals.failures for name, mapping in deployment.mappings.items()}
            if time.monotonic() > deadline or max(failures.values()) >= FAILURES_MAX:
                errors = [mapping.status().last_error for mapping in deployment.mappings.values()]
                self._result.failures.append(
                    "the functions have not processed all records; failed invocations: "
                    + ", ".join(f"{name} {count}" for name, count in failures.items())
                    + "".join(f"; last error: {error}" for error in errors if error)
                )
                return

    def _compare(self) -> None:
        result, address = self._result, self._deployment.address
        rows = self._deployment.rows()
        published = read_published(self._deployment, result.accepted.total())
        result.audits = audit(rows, published)
        result.failures += compare_transfers(result.transfers, published)
        for account_id, expected in self._expected.items():
            balance = Decimal(self._api.get(f"/accounts/{account_id}").json()["balance"])
            result.balances[account_id] = balance
            found = result.audits[account_id]
            if not balance == expected == found.balance:
                result.failures.append(
                    f"{account_id}: the balance is {balance} in the API and {found.balance} in the ledger, but the "
                    f"accepted commands amount to {expected}"
                )
            if len(found.published) != result.accepted[account_id]:
                result.failures.append(
                    f"{account_id}: accepted commands made {result.accepted[account_id]} events, but "
                    f"{len(found.published)} were published"
                )
            result.failures += [f"{account_id}: {finding}" for finding in found.findings]
        self._compare_read_model()
        failed = address.client("s3").list_objects_v2(Bucket=address.outputs["FailureBucketName"]).get("KeyCount", 0)
        if failed:
            result.failures.append(f"{failed} batches went to the failure destination")
        if not any(found.snapshots >= 2 for found in result.audits.values()):  # noqa: PLR2004
            result.failures.append("no account has two snapshots")
        if not result.answers[422]:
            result.failures.append("no withdrawal was refused")
        if not result.transfers:
            result.failures.append("no transfer was accepted")

    def _compare_read_model(self) -> None:
        """Compares the read model of accounts by owner, which a consumer builds from the domain events."""
        for owner in {owner for owner, _ in ACCOUNTS}:
            for listed in self._api.get(f"/owners/{owner}/accounts").json()["accounts"]:
                account_id, balance = listed["accountId"], Decimal(listed["balance"])
                self._result.listed[account_id] = balance
        if self._result.listed != self._expected:
            self._result.failures.append(
                f"the balances of the accounts by owner are {self._result.listed}, but must be {self._expected}"
            )

    def _expect(self, answer: httpx.Response, status: int) -> None:
        if answer.status_code != status:
            raise CommandError(f"The API returned {answer.status_code}, expected {status}: {answer.text[:300]}")


class _ConflictingStore(DynamoDBAccountStore):
    """A store in which a competing command is executed once, just before the first append."""

    competing_command: Callable[[], object] | None = None

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        competing_command, self.competing_command = self.competing_command, None
        if competing_command is not None:
            competing_command()
        super().append(rows, used)


def compare_transfers(transfers: Mapping[str, Decimal], published: Iterable[DomainEvent]) -> list[str]:
    """The transfers that were not published as one withdrawal and one credit of their amount, on each other's account.

    Args:
        transfers: the amount of each accepted transfer, by its id.
        published: all events on the stream; an event may be there more than once.
    """
    found: defaultdict[str, list[tuple[str, str, str, Decimal]]] = defaultdict(list)
    for event in {event.fields["event_id"]: event for event in published}.values():
        fields = event.fields
        if fields.get("transfer_id"):
            accounts = fields["account_id"], fields["counterparty_account_id"]
            found[fields["transfer_id"]].append((event.name, *accounts, fields["amount"]))
    findings = []
    for transfer_id in sorted({*transfers, *found}):
        match sorted(found[transfer_id]):
            case [("BalanceCredited", receiver, payer, credited), ("BalanceWithdrawn", *pair, withdrawn)]:
                if pair == [payer, receiver] and credited == withdrawn == transfers.get(transfer_id):
                    continue
        events = found[transfer_id]
        findings.append(f"transfer {transfer_id} of {transfers.get(transfer_id)} has these events: {events}")
    return findings


def read_published(deployment: LocalDeployment, expected: int, timeout_s: float = READ_TIMEOUT_S) -> list[DomainEvent]:
    """Reads the stream until `expected` different events are read and a poll returns none, or until the timeout."""
    address = deployment.address
    reader = EventStreamReader(address.client("kinesis"), address.outputs["EventStreamName"])
    deadline = time.monotonic() + timeout_s
    events: list[DomainEvent] = []
    while time.monotonic() < deadline:
        found = [published.event for published in reader.poll()]
        events += found
        if not found and len({event.fields["event_id"] for event in events}) >= expected:
            break
        if not found:
            time.sleep(0.05)
    return events
