"""The measured transfers. Each function prepares its `World` without measuring and returns the cost of one transfer."""

import uuid
from dataclasses import replace
from decimal import Decimal

from account_core.domain.commands import TransferMoney
from account_core.rows.items import EVENTS_PER_INTERVAL
from account_core.service.service import AccountService
from benchmarks.meter import Cost
from benchmarks.operations import TOO_MUCH, YOUNG
from benchmarks.world import CREDIT, World, origin

BEFORE_SNAPSHOT = EVENTS_PER_INTERVAL - 1
"""Events of an account whose next event ends a snapshot interval."""


def cached(world: World) -> Cost:
    return world.send(*_pair(world))


def one_snapshot(world: World) -> Cost:
    return world.send(*_pair(world, BEFORE_SNAPSHOT))


def two_snapshots(world: World) -> Cost:
    return world.send(*_pair(world, BEFORE_SNAPSHOT, BEFORE_SNAPSHOT))


def keyed(world: World) -> Cost:
    return world.send(*_pair(world), key=str(uuid.uuid4()))


def one_not_cached(world: World) -> Cost:
    _, payer, transfer = _pair(world)
    service = AccountService(world.store)
    service.read(payer)
    return world.send(service, payer, transfer)


def none_cached(world: World) -> Cost:
    _, payer, transfer = _pair(world)
    return world.send(AccountService(world.store), payer, transfer)


def conflict(world: World) -> Cost:
    """A rival changed the receiving account after it was cached: the whole attempt is lost."""
    service, payer, transfer = _pair(world)
    world.rivals.execute(transfer.to, CREDIT, origin())
    return world.send(service, payer, transfer)


def repeated(world: World) -> Cost:
    (service, payer, transfer), key = _pair(world), str(uuid.uuid4())
    world.send(service, payer, transfer, key=key)
    return world.send(service, payer, transfer, key=key)


def refused(world: World) -> Cost:
    service, payer, transfer = _pair(world)
    return world.send(service, payer, replace(transfer, amount=TOO_MUCH.amount))


def _pair(
    world: World, payer_events: int = YOUNG, receiver_events: int = YOUNG
) -> tuple[AccountService, str, TransferMoney]:
    """Two accounts with these numbers of events, both in the service's cache, and a transfer between them."""
    service = AccountService(world.store)
    payer, receiver = (world.grow(service, events) for events in (payer_events, receiver_events))
    return service, payer, TransferMoney(receiver, Decimal("2.50"), str(uuid.uuid4()))
