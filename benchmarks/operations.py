"""The measured operations: ours first, then those of the published design.

Each function prepares its `World` without measuring and returns the cost of one operation.
"""

import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from account_core.domain.commands import AccountCommand, Command, Credit, Withdraw
from account_core.domain.money import MONEY_MAX
from account_core.rows.items import EVENTS_PER_INTERVAL
from account_core.service.service import AccountService
from account_core.service.statement import Days, Place
from benchmarks import row_sizes
from benchmarks.long_accounts import long_account
from benchmarks.meter import Cost
from benchmarks.world import CREDIT, OPENED, World, account_id, origin

Measured = Callable[[World], Cost]

YOUNG = 2
"""Events of an account whose next command writes no snapshot."""
TOO_MUCH = Withdraw(Decimal("1000000.00"))
"""More than the balance of any account here."""
PAGE = 50


def plain(world: World) -> Cost:
    return world.send(*world.grown(YOUNG))


def keyed(world: World) -> Cost:
    return world.send(*world.grown(YOUNG), key=str(uuid.uuid4()))


def snapshot(world: World) -> Cost:
    return world.send(*world.grown(EVENTS_PER_INTERVAL - 1))


def keyed_snapshot(world: World) -> Cost:
    return world.send(*world.grown(EVENTS_PER_INTERVAL - 1), key=str(uuid.uuid4()))


def snapshot_interval(world: World) -> Cost:
    service, account = world.grown(EVENTS_PER_INTERVAL)
    costs = [world.send(service, account) for _ in range(EVENTS_PER_INTERVAL)]
    return sum(costs, Cost()) / len(costs)


def not_cached(world: World) -> Cost:
    _, account = world.grown(YOUNG)
    return world.send(AccountService(world.store), account)


def creation(world: World) -> Cost:
    return world.send(AccountService(world.store), account_id(), OPENED)


def keyed_creation(world: World) -> Cost:
    """With a key, the account's id is derived from the key and has 32 characters."""
    return world.send(AccountService(world.store), uuid.uuid4().hex, OPENED, key=str(uuid.uuid4()))


def replay(world: World) -> Cost:
    (service, account), key = world.grown(YOUNG), str(uuid.uuid4())
    world.send(service, account, key=key)
    return world.send(service, account, key=key)


def conflict(world: World) -> Cost:
    service, account = world.grown(YOUNG)
    world.rivals.execute(account, CREDIT, origin())
    return world.send(service, account)


def conflict_with_snapshot(world: World) -> Cost:
    """The rival writes the interval's last event and its snapshot; the following command is a plain put."""
    service, account = world.grown(EVENTS_PER_INTERVAL - 1)
    world.rivals.execute(account, CREDIT, origin())
    return world.send(service, account)


def refusal(world: World) -> Cost:
    return world.send(*world.grown(YOUNG), TOO_MUCH)


def balance(events: int) -> Measured:
    return lambda world: _read(world, long_account(world, events).id)


def largest_balance(world: World) -> Cost:
    """The balance of an account with a snapshot and nine transfers whose ids are as long as the API allows."""
    service, account = AccountService(world.store), row_sizes.largest_account_id()
    opened, receiver = row_sizes.largest_created(), row_sizes.largest_transfer().to
    service.execute(receiver, opened, origin())
    transfers = [row_sizes.largest_transfer() for _ in range(2 * EVENTS_PER_INTERVAL - 2)]
    commands: list[Command] = [opened, Credit(MONEY_MAX), *transfers]
    for number, command in enumerate(commands):
        service.execute(account, command, row_sizes.largest_origin(number))
    return _read(world, account)


def as_of_sequence(events: int) -> Measured:
    return lambda world: _read(world, long_account(world, events).id, sequence=events // 2)


def as_of_moment(events: int) -> Measured:
    """A read as of the moment that takes the most requests to find in the account's history."""

    def read(world: World) -> Cost:
        account = long_account(world, events)
        return _read(world, account.id, moment=account.worst_moment)

    return read


def page(events: int) -> Measured:
    def read(world: World) -> Cost:
        account, service = long_account(world, events).id, AccountService(world.store)
        return world.measure(lambda used: service.events(account, events // 2, PAGE, None, used, newest_first=False))

    return read


def statement(events: int) -> Measured:
    """The first page of the statement of the day whose bounds take the most requests to find."""

    def read(world: World) -> Cost:
        account = long_account(world, events)
        return _statement(world, account.id, Days(account.worst_day, account.worst_day), None)

    return read


def statement_page(events: int) -> Measured:
    """A further page, from the middle of the account's history."""

    def read(world: World) -> Cost:
        place = Place(0, events // 2, events)
        return _statement(world, long_account(world, events).id, Days(date.min, date.max), place)

    return read


def _statement(world: World, account: str, days: Days, place: Place | None) -> Cost:
    service = AccountService(world.store)
    return world.measure(lambda used: service.statement(account, days, place, limit=PAGE, owner=None, used=used))


def _read(world: World, account: str, sequence: int | None = None, moment: str | None = None) -> Cost:
    service = AccountService(world.store)
    return world.measure(lambda used: service.read(account, used=used, sequence=sequence, moment=moment))


def published(events: int, command: AccountCommand = CREDIT, *, rivals: int = 0) -> Measured:
    """A command of the published design on an account with `events` events, after `rivals` version conflicts."""

    def send(world: World) -> Cost:
        _, account = world.grown(events)
        left = iter(range(rivals))

        def meanwhile() -> None:
            if next(left, None) is not None:
                world.rivals.execute(account, CREDIT, origin())

        return world.measure_baseline(lambda: world.published.execute(account, command, origin(), meanwhile))

    return send


def published_creation(world: World) -> Cost:
    return world.measure_baseline(lambda: world.published.execute(account_id(), OPENED, origin()))


def published_interval(world: World) -> Cost:
    costs = [published(EVENTS_PER_INTERVAL + number)(world) for number in range(EVENTS_PER_INTERVAL)]
    return sum(costs, Cost()) / len(costs)


def published_balance(events: int) -> Measured:
    return lambda world: world.measure_baseline(lambda: world.published.read(long_account(world, events).id))
