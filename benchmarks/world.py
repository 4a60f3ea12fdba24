"""A store with the accounts table, and functions to measure a single operation on it."""

import base64
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from account_core.domain.commands import Command, CreateAccount, Credit
from account_core.domain.errors import Rejected
from account_core.service.head import Origin, timestamp
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from benchmarks.meter import Cost, Meter
from benchmarks.published import PublishedAccounts
from local_stack.emulator import loopback_config
from local_stack.local_tables import make_table, session

OPENED = CreateAccount("customer-4711", "EUR")
CREDIT = Credit(Decimal("12.50"))


def account_id() -> str:
    """An account id as `account_core.handler` generates it."""
    return str(uuid.uuid4())


def origin(key: str | None = None) -> Origin:
    """The origin of a request with a UUID as correlation id and API Gateway's request id of sixteen characters."""
    request_id = base64.b64encode(secrets.token_bytes(11)).decode()
    return Origin(timestamp(datetime.now(UTC)), str(uuid.uuid4()), request_id, key)


class MetersDisagree(Exception):
    """The service's own count of its costs differs from its clients' requests."""


@dataclass(frozen=True, slots=True)
class LongAccount:
    """Attributes: `worst_moment` and `worst_day` take the most requests to find."""

    id: str
    rows: int
    worst_moment: str
    worst_day: date


@dataclass(slots=True)
class World:
    """Our service, the baseline, their table and the meter on one store.

    Attributes:
        store: the accounts; its clients are measured.
        rivals: a service on the same table, through a client that is not measured.
        published: the baseline; its client is measured.
        client: a DynamoDB client that is not measured.
        long_accounts: the accounts that `long_accounts.long_account` has loaded, by number of events.
    """

    store: DynamoDBAccountStore
    rivals: AccountService
    published: PublishedAccounts
    meter: Meter
    table_name: str
    client: Any
    long_accounts: dict[int, LongAccount] = field(default_factory=dict)

    def grown(self, events: int) -> tuple[AccountService, str]:
        """Create an account with that many events, and return it with a service that has its head in the cache."""
        service = AccountService(self.store)
        return service, self.grow(service, events)

    def grow(self, service: AccountService, events: int) -> str:
        """Create an account with that many events, with this service."""
        new_id = account_id()
        for number in range(events):
            service.execute(new_id, CREDIT if number else OPENED, origin())
        return new_id

    def measure(self, work: Callable[[Usage], object]) -> Cost:
        """Measure the cost of `work`, even if the domain refuses it.

        Raises:
            MetersDisagree: the service's own count differs from its clients' requests.
        """
        used = Usage()
        cost = self.measure_baseline(lambda: work(used))
        if (used.requests, used.read_units, used.write_units) != (cost.requests, cost.read_units, cost.write_units):
            raise MetersDisagree(f"The service counted {used}, but its clients spent {cost}.")
        return cost

    def measure_baseline(self, work: Callable[[], object]) -> Cost:
        """Measure the cost of `work` by its requests alone, even if the domain refuses it."""
        self.meter.spent = Cost()
        with suppress(Rejected):
            work()
        return self.meter.spent

    def send(self, service: AccountService, to: str, command: Command = CREDIT, key: str | None = None) -> Cost:
        """Measure the cost of one command."""
        return self.measure(lambda used: service.execute(to, command, origin(key), used=used))


def open_world(endpoint_url: str) -> World:
    reads, writes, unmetered = (
        session().client("dynamodb", endpoint_url=endpoint_url, config=loopback_config(attempts_max=attempts))
        for attempts in (2, 1, 1)
    )
    meter, table_name = Meter(), make_table(unmetered)
    meter.attach(reads)
    meter.attach(writes)
    return World(
        store=DynamoDBAccountStore(reads, writes, table_name),
        rivals=AccountService(DynamoDBAccountStore(unmetered, unmetered, table_name)),
        published=PublishedAccounts(writes, table_name),
        meter=meter,
        table_name=table_name,
        client=unmetered,
    )
