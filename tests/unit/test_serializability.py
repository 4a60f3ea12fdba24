"""The serializability checker accepts possible histories of transfers, and names every kind of violation."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.support.serializability import Entry, Operation, Read, Shown, Transfer, violations

ACCOUNTS = ("a", "b", "c")
FUNDS = 100
Change = Callable[[dict[str, list[Entry]], list[Operation]], object]


class Ledgers:
    """Carries out transfers one after the other, between accounts with 100 cents each."""

    def __init__(self) -> None:
        self.ledger = {account_id: [Entry(account_id, 1, FUNDS, FUNDS)] for account_id in ACCOUNTS}
        self.operations: list[Operation] = []

    def pay(self, times: tuple[float, float], request: Transfer, transfer_id: str, *, is_answered: bool = True) -> None:
        paid = self._add(request.payer, -request.cents, transfer_id, request.receiver, request.key)
        self._add(request.receiver, request.cents, transfer_id, request.payer, None)
        outcome = Shown(paid.sequence, paid.balance, transfer_id) if is_answered else None
        self.operations.append(Operation("client", request, *times, outcome, transfer_id))

    def answer(self, times: tuple[float, float], request: Transfer | Read, outcome: Shown | str | None) -> None:
        self.operations.append(Operation("client", request, *times, outcome, f"unused-{len(self.operations)}"))

    def _add(self, account_id: str, cents: int, transfer_id: str, other: str, key: str | None) -> Entry:
        entries = self.ledger[account_id]
        balance = entries[-1].balance + cents
        entries.append(Entry(account_id, len(entries) + 1, cents, balance, transfer_id, other, key))
        return entries[-1]


def bank() -> Ledgers:
    """Three transfers, two of them at the same time, a refusal and two reads."""
    bank = Ledgers()
    bank.pay((10, 20), Transfer("a", "b", 60, "k"), "t-1")
    bank.pay((11, 19), Transfer("b", "c", 150), "t-2")
    bank.answer((21, 22), Read("b"), Shown(3, 10))
    bank.answer((12, 25), Transfer("a", "b", 41), "insufficient_funds")
    bank.answer((23, 24), Transfer("a", "b", 60, "k"), Shown(2, 40, "t-1"))
    bank.answer((23, 24), Transfer("c", "b", 7), "conflict")
    bank.pay((30, 40), Transfer("c", "a", 250), "t-3")
    bank.answer((35, 36), Read("c"), Shown(2, 250))
    return bank


def changed(entry: Entry, **fields: Any) -> Change:  # noqa: ANN401 -- each field has its own type
    def change(ledger: dict[str, list[Entry]], _: list[Operation]) -> None:
        entries = ledger[entry.account_id]
        entries[entries.index(entry)] = replace(entry, **fields)

    return change


def entry(account_id: str, sequence: int) -> Entry:
    return bank().ledger[account_id][sequence - 1]


def more(*operations: Operation) -> Change:
    return lambda _, known: known.extend(operations)


def without(account_id: str, sequence: int) -> Change:
    return lambda ledger, _: ledger[account_id].pop(sequence - 1)


def swap(account_id: str) -> Change:
    """Two events of an account in the other order, with the balances that follow."""

    def change(ledger: dict[str, list[Entry]], _: list[Operation]) -> None:
        first, second, third = ledger[account_id]
        swapped = replace(third, sequence=2, balance=first.balance + third.cents)
        ledger[account_id] = [first, swapped, replace(second, sequence=3, balance=swapped.balance + second.cents)]

    return change


def answered(number: int, **fields: Any) -> Change:  # noqa: ANN401 -- each field has its own type
    def change(_: dict[str, list[Entry]], operations: list[Operation]) -> None:
        operations[number] = replace(operations[number], **fields)

    return change


def only(*outcomes: Shown | str | None) -> Change:
    """The transfer with a key got only these answers. The client did not make its id."""

    def change(_: dict[str, list[Entry]], operations: list[Operation]) -> None:
        others = [each for each in operations if each.request != operations[0].request]
        sent = [replace(operations[0], outcome=outcome, transfer_id=None) for outcome in outcomes]
        operations[:] = [*sent, *others]

    return change


def operation(times: tuple[float, float], request: Transfer | Read, outcome: Shown | str | None, own: str) -> Operation:
    return Operation("client", request, *times, outcome, own)


def both(*changes: Change) -> Change:
    return lambda ledger, operations: [change(ledger, operations) for change in changes]


ACCEPTED: dict[str, Change] = {
    "nothing": more(),
    "an unanswered request that took effect": answered(1, outcome=None),
    "an unanswered request that never took effect": more(operation((1, 2), Transfer("a", "b", 1), None, "t-9")),
    "a read during a transfer, after it": more(operation((35, 36), Read("c"), Shown(3, 0), "")),
    "a refusal before the money came": more(operation((5, 12), Transfer("b", "c", 101), "insufficient_funds", "t-9")),
    "a keyed refusal before the request succeeded": both(
        answered(0, invoked=1), more(operation((1, 2), Transfer("a", "b", 101, "l"), "insufficient_funds", "t-9"))
    ),
    "a conflict of a key that an unanswered request stored": both(
        only(None, "unavailable"), more(operation((30, 31), Transfer("a", "b", 60, "k"), "conflict", "t-9"))
    ),
    "a conflict of a key that succeeds meanwhile": more(
        operation((15, 35), Transfer("a", "b", 60, "k"), "conflict", "t-9")
    ),
    "a key of another transfer": more(
        operation((15, 16), Transfer("a", "b", 61, "k"), "idempotency_key_reused", "t-9")
    ),
    "a read without an answer": more(
        operation((1, 2), Read("c"), None, ""), operation((1, 2), Read("c"), "unavailable", "")
    ),
}

REFUSED: dict[str, tuple[str, Change]] = {
    "a gap": ("gap", changed(entry("c", 3), sequence=4)),
    "a wrong balance": ("balance", changed(entry("b", 2), balance=161)),
    "an overdraft": ("overdrawn", both(changed(entry("c", 3), cents=-251, balance=-1))),
    "money from nowhere": ("total", both(changed(entry("a", 3), cents=251, balance=291))),
    "a payment without a credit": ("half-done", without("a", 3)),
    "a credit without a payment": ("half-done", without("c", 3)),
    "a credit twice": (
        "doubled",
        lambda ledger, _: ledger["a"].append(Entry("a", 4, 250, 540, "t-3", "c")),
    ),
    "a payment twice": ("doubled", lambda ledger, _: ledger["c"].append(Entry("c", 4, -250, -250, "t-3", "a"))),
    "a key twice": ("doubled", changed(entry("a", 3), key="k")),
    "unequal amounts": ("unequal", changed(entry("a", 3), cents=249, balance=289)),
    "another counterparty": ("counterparty", changed(entry("a", 3), counterparty="b")),
    "an answer without a transfer": (
        "acknowledged, but not stored",
        more(operation((50, 51), Transfer("a", "b", 1), Shown(4, 289, "t-9"), "t-9")),
    ),
    "an answer with another balance": ("acknowledged, but stored as", answered(0, outcome=Shown(2, 41, "t-1"))),
    "an answer with another sequence": ("acknowledged, but stored as", answered(0, outcome=Shown(3, 40, "t-1"))),
    "an answer to another request": ("acknowledged, but stored as", answered(1, request=Transfer("b", "c", 149))),
    "a key of another amount": (
        "acknowledged, but stored as",
        more(operation((50, 51), Transfer("a", "b", 61, "k"), Shown(2, 40, "t-1"), "t-9")),
    ),
    "one transfer for two requests": (
        "acknowledged twice",
        more(operation((50, 51), Transfer("b", "c", 150), Shown(3, 10, "t-2"), "t-9")),
    ),
    "a refused transfer": ("refused, but stored", answered(1, outcome="conflict")),
    **{
        f"a transfer with a key, refused with {' and '.join(codes)}": ("refused, but stored", only(*codes))
        for codes in (
            ["conflict"],
            ["receiver_refused"],
            ["account_not_found"],
            ["conflict", "insufficient_funds"],
        )
    },
    **{
        f"a key that is refused with {code} after its success": (
            "refused without a reason",
            more(operation((21, 22), Transfer("a", "b", 60, "k"), code, "t-9")),
        )
        for code in ("conflict", "idempotency_key_reused")
    },
    **{
        f"a transfer that is refused with {code}": (
            "refused without a reason",
            more(operation((50, 51), Transfer("a", "b", 1, key), code, "t-9")),
        )
        for code, key in (("receiver_refused", None), ("account_not_found", "l"), ("idempotency_key_reused", "l"))
    },
    "a key that is reused for the same transfer": (
        "refused without a reason",
        more(operation((15, 16), Transfer("a", "b", 60, "k"), "idempotency_key_reused", "t-9")),
    ),
    "a key that is reused before it is used": (
        "refused without a reason",
        more(operation((5, 6), Transfer("a", "b", 61, "k"), "idempotency_key_reused", "t-9")),
    ),
    "a credit with a key": ("key of a credit", changed(entry("b", 2), key="k")),
    "a refused read": ("refused without a reason", more(operation((1, 2), Read("c"), "account_not_found", ""))),
    "a transfer that nobody sent": ("stored, but never sent", lambda _, operations: operations.pop(1)),
    "a refusal on an old state": (
        "refused without a reason",
        more(operation((50, 51), Transfer("a", "c", 200), "insufficient_funds", "t-9")),
    ),
    "a refusal on a future state": (
        "refused without a reason",
        more(operation((1, 2), Transfer("a", "c", 50), "insufficient_funds", "t-9")),
    ),
    "a refusal of a request that had succeeded": (
        "refused without a reason",
        more(operation((21, 22), Transfer("a", "b", 60, "k"), "insufficient_funds", "t-9")),
    ),
    "an old read": ("no order", more(operation((50, 51), Read("c"), Shown(2, 250), ""))),
    "a read of the future": ("no order", more(operation((5, 6), Read("b"), Shown(2, 160), ""))),
    "a read of another balance": ("read what never was", more(operation((50, 51), Read("c"), Shown(3, 1), ""))),
    "a read beyond the rows": ("read what never was", more(operation((50, 51), Read("c"), Shown(4, 1), ""))),
    "reads that go back in time": (
        "no order",
        more(operation((31, 32), Read("c"), Shown(3, 0), ""), operation((33, 34), Read("c"), Shown(2, 250), "")),
    ),
    "an order against the clock": ("no order", both(answered(0, invoked=50, answered=51), answered(4, answered=60))),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_possible_transfers_are_accepted(name: str) -> None:
    found = bank()
    ACCEPTED[name](found.ledger, found.operations)
    assert violations(found.ledger, found.operations) == []


@pytest.mark.parametrize("name", REFUSED)
def test_every_kind_of_violation_is_named(name: str) -> None:
    kind, change = REFUSED[name]
    found = bank()
    change(found.ledger, found.operations)
    assert any(violation.startswith(kind) for violation in violations(found.ledger, found.operations))


def test_two_accounts_with_different_orders_are_a_cycle() -> None:
    """Each account is intact, and all transfers ran at the same time; only both accounts together show it."""
    found = Ledgers()
    found.pay((1, 9), Transfer("a", "b", 10), "t-1")
    found.pay((1, 9), Transfer("a", "b", 20), "t-2")
    assert violations(found.ledger, found.operations) == []
    swap("b")(found.ledger, found.operations)
    [violation] = violations(found.ledger, found.operations)
    assert violation.startswith("no order: ")
    assert {"t-1", "t-2"} <= set(violation.removeprefix("no order: ").split(" -> "))


def test_a_cycle_over_three_accounts_is_found() -> None:
    found = Ledgers()
    for number, (payer, receiver) in enumerate([("a", "b"), ("b", "c"), ("c", "a")]):
        found.pay((1, 9), Transfer(payer, receiver, 10), f"t-{number}")
    assert violations(found.ledger, found.operations) == []
    swap("a")(found.ledger, found.operations)
    changes = [replace(each, outcome=None) for each in found.operations]
    [violation] = violations(found.ledger, changes)
    assert "no order" in violation


@pytest.mark.parametrize("seed", range(20))
def test_a_sequential_execution_with_overlaps_is_serializable(seed: int) -> None:
    random, found = Random(seed), Ledgers()  # noqa: S311 -- seeded
    for number in range(60):
        payer, receiver = random.sample(ACCOUNTS, 2)
        at = 10 * number
        times = at - random.randrange(30), at + random.randrange(1, 30)
        request = Transfer(payer, receiver, random.randrange(1, 90), f"k-{number}" if number % 2 else None)
        if found.ledger[payer][-1].balance < request.cents:
            found.answer(times, request, "insufficient_funds")
        else:
            found.pay(times, request, f"t-{number}", is_answered=random.random() < 0.9)
        shown = found.ledger[payer][-1]
        found.answer((at + 1, at + random.randrange(2, 9)), Read(payer), Shown(shown.sequence, shown.balance))
    assert violations(found.ledger, _shuffled(found.operations, random)) == []


def _shuffled(operations: Sequence[Operation], random: Random) -> list[Operation]:
    return random.sample(operations, len(operations))
