"""A transfer: its rows, its refusals, its repetitions, and what it costs in requests."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from account_core.domain.account import Account, causes, decide_transfer
from account_core.domain.commands import Command, CreateAccount, Credit, TransferMoney, Withdraw
from account_core.domain.errors import (
    AccountNotFound,
    IdempotencyKeyReused,
    InsufficientFunds,
    PreconditionFailed,
    ReceiverRefused,
    Rejected,
    TransferToItself,
)
from account_core.domain.events import Credited, SnapshotRow, Transfer, Withdrawn
from account_core.domain.money import MONEY_MAX
from account_core.rows.items import to_item
from account_core.service.execution import Conditions, Receipt
from account_core.service.head import Origin
from account_core.service.head_cache import TRANSFER_AGE_MAX_S
from account_core.service.usage import Usage
from tests.support.two_accounts import FUNDS, ORIGIN, TwoAccounts

KEYED = replace(ORIGIN, command_id="key-1")


@pytest.fixture
def world() -> TwoAccounts:
    return TwoAccounts()


def test_a_transfer_is_a_withdrawal_and_a_credit_in_one_append(world: TwoAccounts) -> None:
    receipt = world.transfer("5.00")
    assert receipt == Receipt(Decimal("95.00"), "EUR", 3, transfer_id="transfer-1")
    assert world.last("a").event == Withdrawn(Decimal("5.00"), Transfer("transfer-1", "b"))
    assert world.last("b").event == Credited(Decimal("5.00"), Transfer("transfer-1", "a"))
    assert world.balances() == (95, 105)
    assert (len(world.store.appended), world.store.asked) == (1, [])


def test_old_heads_are_read_before_a_transfer_but_not_before_a_credit(world: TwoAccounts) -> None:
    world.now_s += TRANSFER_AGE_MAX_S
    world.transfer()
    assert world.store.asked == []
    world.now_s += TRANSFER_AGE_MAX_S + 0.01
    world.send(Credit(Decimal(1)), to="b")
    assert world.store.asked == []
    world.transfer()
    assert world.store.asked == ["a"]
    world.now_s += TRANSFER_AGE_MAX_S + 0.01
    world.transfer()
    assert world.store.asked == ["a", "a", "b"]
    assert world.balances() == (85, 116)


def test_the_receiving_row_has_no_ids_of_the_paying_owner(world: TwoAccounts) -> None:
    world.transfer(origin=Origin(ORIGIN.occurred_at, "secret-correlation", "secret-request", "secret-key"))
    paying, receiving = world.last("a"), world.last("b")
    assert (paying.correlation_id, paying.request_id, paying.command_id) == (
        *("secret-correlation", "secret-request"),
        "secret-key",
    )
    assert (receiving.correlation_id, receiving.request_id, receiving.command_id) == ("transfer-1", None, None)
    assert "secret" not in json.dumps(to_item(receiving))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("31T23", "31T09", "31T23"), ("31T09", "31T23", "31T23"), ("30T00", "30T00", "31T12")],
    ids=["the payer's head is ahead", "the receiver's head is ahead", "the writer's clock is ahead"],
)
def test_both_events_take_the_latest_of_three_times(world: TwoAccounts, a: str, b: str, expected: str) -> None:
    for account_id, hour in (("a", a), ("b", b)):
        world.send(Credit(Decimal(1)), account_id, replace(ORIGIN, occurred_at=f"2026-01-{hour}:30:00.000001Z"))
    at = "2026-01-31T12:30:00.000001Z"
    world.transfer(origin=replace(ORIGIN, occurred_at=at))
    latest = {"31T09": ORIGIN.occurred_at}.get(expected, f"2026-01-{expected}:30:00.000001Z")
    assert {world.last("a").occurred_at, world.last("b").occurred_at} == {latest}


@pytest.mark.parametrize(("a", "b", "rows"), [(7, 7, 2), (8, 7, 3), (7, 8, 3), (8, 8, 4), (17, 8, 4)])
def test_each_account_has_its_own_snapshot(world: TwoAccounts, a: int, b: int, rows: int) -> None:
    world.grow("a", a)
    world.grow("b", b)
    world.watch()
    receipt = world.transfer()
    assert receipt.sequence == a + 1
    assert len(json.loads(world.store.appended[-1])) == rows
    for account_id, sequence in (("a", a + 1), ("b", b + 1)):
        newest, last = world.rows(account_id)[-1], world.last(account_id)
        assert last.sequence == sequence
        assert isinstance(newest, SnapshotRow) == (sequence % 9 == 0)
        if isinstance(newest, SnapshotRow):
            assert (newest.balance, newest.sequence, newest.occurred_at) == (last.balance, sequence, last.occurred_at)
    fresh = world.other()
    assert (fresh.read("a").balance, fresh.read("b").balance) == world.balances()


REFUSALS: dict[str, tuple[str, str, type[Rejected]]] = {
    "more than the balance": ("100.01", "b", InsufficientFunds),
    "to itself": ("5.00", "a", TransferToItself),
    "to itself, more than the balance": ("100.01", "a", TransferToItself),
    "to an unknown account": ("5.00", "nobody", ReceiverRefused),
    "to another currency": ("5.00", "dollars", ReceiverRefused),
    "to an account at the limit of a balance": ("5.00", "rich", ReceiverRefused),
    "more than the balance, to an unknown account": ("100.01", "nobody", InsufficientFunds),
}


def with_receivers(world: TwoAccounts) -> None:
    world.send(CreateAccount("owner-3", "USD"), to="dollars")
    world.send(CreateAccount("owner-4", "EUR"), to="rich")
    world.send(Credit(MONEY_MAX), to="rich")


@pytest.mark.parametrize("is_cached", [True, False])
@pytest.mark.parametrize("origin", [ORIGIN, KEYED], ids=["no key", "key"])
@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_transfer_writes_nothing(world: TwoAccounts, name: str, origin: Origin, *, is_cached: bool) -> None:
    amount, to, error = REFUSALS[name]
    with_receivers(world)
    if not is_cached:
        world.service = world.other()
    world.watch()
    before = {account_id: world.rows(account_id) for account_id in ("a", "b", to)}
    with pytest.raises(error):
        world.transfer(amount, to, origin)
    assert world.store.appended == []
    assert {account_id: world.rows(account_id) for account_id in before} == before
    assert sorted(world.store.asked) == sorted(["a", to, *(["a key-1"] if origin.command_id else [])])


def test_every_refusal_of_a_receiver_has_the_same_cost_and_message(world: TwoAccounts) -> None:
    with_receivers(world)
    for is_cached in (True, False):
        found = set()
        for to in ("nobody", "dollars", "rich"):
            service, used = world.service if is_cached else world.other(), Usage()
            with pytest.raises(ReceiverRefused) as refused:
                service.execute("a", TransferMoney(to, Decimal("5.00"), "transfer-1"), ORIGIN, used=used)
            found.add((str(refused.value), used.requests, used.write_units))
        assert len(found) == 1


def test_a_payer_of_another_owner_is_refused_like_an_unknown_one(world: TwoAccounts) -> None:
    """The receiving account is not even read, so it cannot be probed either."""
    for is_cached in (True, False):
        for payer in ("b", "nobody"):
            service = world.service if is_cached else world.other()
            world.watch()
            with pytest.raises(AccountNotFound):
                service.execute(
                    payer, TransferMoney("a", Decimal("5.00"), "transfer-1"), ORIGIN, Conditions(owner="owner-1")
                )
            assert (world.store.asked, world.store.appended) == ([payer], [])


def test_the_receiving_account_may_be_anyones(world: TwoAccounts) -> None:
    assert world.transfer(conditions=Conditions(owner="owner-1")).balance == 95


def test_if_match_is_about_the_paying_account(world: TwoAccounts) -> None:
    world.grow("b", 5)
    with pytest.raises(PreconditionFailed, match="sequence 2"):
        world.transfer(conditions=Conditions(frozenset({5})))
    assert world.transfer(conditions=Conditions(frozenset({2}))).sequence == 3


def test_a_transfer_from_uncached_accounts_reads_each_once(world: TwoAccounts) -> None:
    world.service, used = world.other(), Usage()
    world.transfer(used=used)
    assert (world.store.asked, used.requests, len(world.store.appended)) == (["a", "b"], 3, 1)


def test_each_further_transfer_is_one_request(world: TwoAccounts) -> None:
    for number in range(1, 31):
        used = Usage()
        assert world.transfer("1.00", used=used).balance == 100 - number
        assert used == Usage(requests=1)


def test_a_key_costs_one_more_request_on_the_paying_account(world: TwoAccounts) -> None:
    used = Usage()
    world.transfer(origin=KEYED, used=used)
    assert (world.store.asked, used.requests) == (["a key-1"], 2)


def test_a_repetition_returns_the_first_result_for_ever(world: TwoAccounts) -> None:
    first = world.transfer(origin=KEYED)
    for _ in range(30):
        world.transfer("1.00")
    assert world.transfer(origin=KEYED) == replace(first, is_replay=True)
    assert world.other().execute("a", TransferMoney("b", Decimal("5.00"), "another"), KEYED) == replace(
        first, is_replay=True
    )
    assert world.last("b").sequence == 33


@pytest.mark.parametrize(
    "command",
    [
        TransferMoney("b", Decimal("5.01"), "transfer-1"),
        TransferMoney("c", Decimal("5.00"), "transfer-1"),
        TransferMoney("a", Decimal("5.00"), "transfer-1"),
        TransferMoney("nobody", Decimal("5.00"), "transfer-1"),
        Withdraw(Decimal("5.00")),
        Credit(Decimal("5.00")),
    ],
)
def test_the_key_of_a_transfer_is_not_for_another_command(world: TwoAccounts, command: Command) -> None:
    world.send(CreateAccount("owner-3", "EUR"), to="c")
    world.transfer(origin=KEYED)
    with pytest.raises(IdempotencyKeyReused):
        world.send(command, origin=KEYED)
    assert world.balances() == (95, 105)


@pytest.mark.parametrize("command", [Withdraw(Decimal("5.00")), Credit(Decimal("5.00"))])
def test_the_key_of_another_command_is_not_for_a_transfer(world: TwoAccounts, command: Command) -> None:
    world.send(command, origin=KEYED)
    with pytest.raises(IdempotencyKeyReused):
        world.transfer(origin=KEYED)


def test_the_receiving_owner_may_use_the_same_key(world: TwoAccounts) -> None:
    world.send(Credit(Decimal("7.00")), to="b", origin=KEYED)
    world.transfer(origin=KEYED)
    assert world.send(Credit(Decimal("7.00")), to="b", origin=KEYED).is_replay
    back = TransferMoney("a", Decimal("5.00"), "transfer-9")
    with pytest.raises(IdempotencyKeyReused):
        world.send(back, to="b", origin=KEYED)
    assert not world.send(back, to="b", origin=replace(KEYED, command_id="key-2")).is_replay


def test_only_the_transfer_id_may_differ_between_repetitions() -> None:
    command = TransferMoney("b", Decimal("5.00"), "transfer-2")
    assert causes(command, Withdrawn(Decimal("5.00"), Transfer("transfer-1", "b")))
    assert not causes(command, Withdrawn(Decimal("5.00"), Transfer("transfer-1", "c")))
    assert not causes(command, Withdrawn(Decimal("5.00")))
    assert not causes(command, Credited(Decimal("5.00"), Transfer("transfer-1", "b")))
    assert not causes(Withdraw(Decimal("5.00")), Withdrawn(Decimal("5.00"), Transfer("transfer-1", "b")))


def test_a_payer_that_does_not_exist_cannot_pay() -> None:
    with pytest.raises(AccountNotFound):
        decide_transfer("a", None, Account("owner-2", "EUR", FUNDS), TransferMoney("b", Decimal("5.00"), "t"))


@pytest.mark.parametrize("amount", ["0.00", "-5.00", "0.001", "10000000000000000.00"])
def test_a_transfer_of_an_invalid_amount_is_no_command(amount: str) -> None:
    with pytest.raises(ValueError, match="positive"):
        TransferMoney("b", Decimal(amount), "transfer-1")
