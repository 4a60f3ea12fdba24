"""How many transfers succeed at their first attempt, and what the others cost, if 32 environments compete.

`python -m benchmarks.transfers` takes two minutes and prints two tables. It runs the service on a virtual clock, with
a store that behaves as AWS documents: a transaction is cancelled with TransactionConflict while another one writes the
same key, even if that one fails. No emulator does this. A request travels 2 to 4 ms each way, and a transaction takes 2
to 4 ms. Each client is an execution environment, with a cache of its own: others change the accounts that are in it.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import count
from math import inf
from random import Random

from rich.console import Console
from rich.table import Table

from account_core.domain.commands import CreateAccount, Credit, TransferMoney
from account_core.domain.errors import Conflict
from account_core.domain.events import Row, StoredRow
from account_core.service.execution import backoff_s
from account_core.service.head import Head, Origin
from account_core.service.head_cache import TRANSFER_AGE_MAX_S, HeadCache
from account_core.service.loading import load as load_head
from account_core.service.ports import ROWS_MAX, WriteConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore
from benchmarks.cost_results import Prices
from benchmarks.meter import Cost
from benchmarks.virtual_time import VirtualTime

CLIENTS = 32
LEG_MIN_S, LEG_MAX_S = 0.002, 0.004
READ_UNITS, WRITE_UNITS_EACH = 1, 2
ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")
RECEIVER = "receiver"
SEED = 20_260_131


class DistantStore(MemoryAccountStore):
    """A store with the latency and the conflicts of DynamoDB."""

    def __init__(self, clock: VirtualTime, random: Random) -> None:
        super().__init__()
        self._clock = clock
        self._random = random
        self._writing: set[tuple[str, int]] = set()

    def _travel(self) -> None:
        self._clock.sleep(self._random.uniform(LEG_MIN_S, LEG_MAX_S))

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        self._travel()
        rows = super().newest(account_id, used, limit, up_to)
        used.read_units += READ_UNITS
        self._travel()
        return rows

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        used.write_units += WRITE_UNITS_EACH * len(rows)
        self._travel()
        try:
            self._transact(rows, used)
        finally:
            self._travel()

    def _transact(self, rows: Sequence[Row], used: Usage) -> None:
        keys = {(row.account_id, row.version) for row in rows}
        if keys & self._writing:
            used.requests += 1
            raise WriteConflict
        self._writing |= keys
        try:
            self._travel()
            super().append(rows, used)
        finally:
            self._writing -= keys


class OtherHeads(HeadCache):
    """A cache with another limit than TRANSFER_AGE_MAX_S."""

    def __init__(self, now_s: Callable[[], float], limit_s: float) -> None:
        super().__init__(now_s)
        self._limit_s = limit_s

    def get(self, account_id: str, age_max_s: float = inf) -> Head | None:
        return super().get(account_id, age_max_s if age_max_s == inf else self._limit_s)


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients do.

    Attributes:
        accounts: transfers are between random pairs of that many; None: each client pays from its own account to one.
        transfers: of each client.
        unmeasured: as many of them are sent first. At the beginning, all accounts are in every cache.
        pause_s: the mean pause of a client between two transfers.
        age_max_s: cached heads that are older are read again.
    """

    accounts: int | None
    transfers: int
    unmeasured: int = 0
    pause_s: float = 0.0
    age_max_s: float = TRANSFER_AGE_MAX_S


@dataclass(slots=True)
class Result:
    """The outcomes of all measured commands. Attributes: `took_s` is each one's duration, in virtual time."""

    used: list[Usage]
    took_s: list[float]
    refused: int = 0

    @property
    def first_share(self) -> float:
        return sum(used.conflicts == 0 for used in self.used) / len(self.used)

    @property
    def refused_share(self) -> float:
        return self.refused / len(self.used)

    @property
    def attempts(self) -> float:
        """The mean number of attempts."""
        return 1 + (sum(used.conflicts for used in self.used) - self.refused) / len(self.used)

    def percentile_s(self, percent: int) -> float:
        return sorted(self.took_s)[len(self.took_s) * percent // 100]

    def cost(self) -> Cost:
        """The mean cost of a command."""
        total = sum((Cost(used.requests, used.read_units, used.write_units) for used in self.used), Cost())
        return total / len(self.used)


def play(load: Load, seed: int = SEED) -> Result:
    """Run a load to the end. No money is lost."""
    run = _Run(load, Random(seed))  # noqa: S311 -- seeded
    run.open_accounts()
    run.clock.run([partial(run.client, number) for number in range(CLIENTS)])
    if (total := run.total()) != run.funds * len(run.accounts):
        raise AssertionError(f"The balances add up to {total}.")
    return run.result


class _Run:
    def __init__(self, load: Load, random: Random) -> None:
        self._load = load
        self._random = random
        self.clock = VirtualTime()
        self._store = DistantStore(self.clock, random)
        self._pool = [f"account-{number}" for number in range(load.accounts or CLIENTS)]
        self.accounts = self._pool if load.accounts else [*self._pool, RECEIVER]
        self.funds = Decimal(load.transfers * CLIENTS)
        self.result = Result([], [])
        self._ids = count()
        self._cached: dict[str, Head] = {}

    def open_accounts(self) -> None:
        opening = AccountService(self._store)
        for account_id in self.accounts:
            opening.execute(account_id, CreateAccount("owner-1", "EUR"), ORIGIN)
            opening.execute(account_id, Credit(self.funds), ORIGIN)
            self._cached[account_id] = load_head(self._store, account_id, Usage())

    def total(self) -> Decimal:
        return sum((AccountService(self._store).read(each).balance for each in self.accounts), Decimal(0))

    def client(self, number: int) -> None:
        load, service = self._load, AccountService(self._store, self._heads(), self._pause)
        for sent in range(load.transfers):
            if load.pause_s:
                self.clock.sleep(self._random.expovariate(1 / load.pause_s))
            payer, receiver = self._random.sample(self._pool, 2) if load.accounts else (self._pool[number], RECEIVER)
            self._send(service, payer, receiver, is_measured=sent >= load.unmeasured)

    def _send(self, service: AccountService, payer: str, receiver: str, *, is_measured: bool) -> None:
        transfer = TransferMoney(receiver, Decimal("1.00"), f"transfer-{next(self._ids)}")
        begun_s, used = self.clock.now_s, Usage()
        try:
            service.execute(payer, transfer, ORIGIN, used=used)
        except Conflict:
            self.result.refused += is_measured
        if is_measured:
            self.result.used.append(used)
            self.result.took_s.append(self.clock.now_s - begun_s)

    def _heads(self) -> HeadCache:
        heads = OtherHeads(lambda: self.clock.now_s, self._load.age_max_s)
        for account_id, head in self._cached.items():
            heads.put(account_id, head)
        return heads

    def _pause(self, conflicts: int) -> None:
        self.clock.sleep(backoff_s(conflicts, self._random.random()))


PAIRS = Load(accounts=1_000, transfers=200, unmeasured=100)
TO_ONE = Load(accounts=None, transfers=40, unmeasured=5)


def main() -> int:
    console = Console(highlight=False, width=140)
    policies = {"always": inf, "at most 1 s old": 1.0, "at most 0.1 s old": TRANSFER_AGE_MAX_S, "never": -1.0}
    table = _table("32 clients, random pairs of 1,000 accounts, caches full", "cached heads are used", "pause")
    for pause_s in (0.0, 1.0, 10.0):
        for policy, age_max_s in policies.items():
            load = replace(PAIRS, pause_s=pause_s, age_max_s=age_max_s)
            table.add_row(policy, f"{pause_s:g} s", *_cells(play(load)))
    console.print(table)
    table = _table("32 payers, one receiver", "cached heads are used", "pause")
    for pause_s in (0.0, 1.0):
        for policy, age_max_s in policies.items():
            load = replace(TO_ONE, pause_s=pause_s, age_max_s=age_max_s)
            table.add_row(policy, f"{pause_s:g} s", *_cells(play(load)))
    console.print(table)
    return 0


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in (*headings, "first attempt", "refused", "attempts", "requests / RCU / WCU", "$", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="left" if heading == headings[0] else "right", no_wrap=True)
    return table


def _cells(result: Result) -> Sequence[str]:
    cost = result.cost()
    return (
        f"{result.first_share:.2%}",
        f"{result.refused_share:.2%}",
        f"{result.attempts:.2f}",
        f"{cost.requests:.2f} / {cost.read_units:.2f} / {cost.write_units:.2f}",
        f"{Prices().of(cost):.2f}",
        *(f"{result.percentile_s(percent) * 1_000:.0f}" for percent in (50, 99)),
    )


if __name__ == "__main__":
    sys.exit(main())
