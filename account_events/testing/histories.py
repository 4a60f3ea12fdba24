"""Domain events for tests of consumers: histories of accounts, and changes to their order. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any

from account_events.consumer.decoding import ACCOUNT_ID_LENGTH_MAX
from account_events.consumer.events import AccountCreated, BalanceCredited, BalanceWithdrawn, Event, KnownEvent
from account_events.testing.errors import BadReplay
from account_events.testing.mixing import in_turn

OPENED_AT = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
CENT = Decimal("0.01")
CHANCE = 0.3
RUN_MAX = 3
REACH = 3.0
ATTEMPTS_MAX = 1_000


def history(
    account_id: str,
    *amounts: str | Decimal,
    owner: str = "owner-1",
    currency: str = "EUR",
    opened_at: datetime = OPENED_AT,
) -> list[Event]:
    """An account's events: its creation, then one credit per amount, or a withdrawal if the amount is negative.

    Sequences, balances and ids are like those of the account service. There is one event per second.

    Args:
        account_id: the account: 1 to 256 characters.
        amounts: in units of the currency, with at most two decimals: `"100.00", "-30.00"`.
        owner: an opaque id.
        currency: an ISO 4217 code.
        opened_at: when the account was created; with a timezone.

    Raises:
        BadReplay: no account can have this id, or an amount is a float or zero, has more than two decimals, or would
            overdraw the account.
    """
    if not isinstance(account_id, str) or not 0 < len(account_id) <= ACCOUNT_ID_LENGTH_MAX:
        raise BadReplay(f"{account_id!r} is not an account id: pass text of 1 to {ACCOUNT_ID_LENGTH_MAX} characters")
    balance = Decimal("0.00")
    events: list[Event] = [
        AccountCreated(**_common(account_id, 1, opened_at), owner=owner, currency=currency, balance=balance)
    ]
    for sequence, text in enumerate(amounts, 2):
        amount = _amount(text)
        balance += amount
        if balance < 0:
            raise BadReplay(f"{account_id}: {text} overdraws the account, which the service never allows")
        kind = BalanceCredited if amount > 0 else BalanceWithdrawn
        events.append(
            kind(**_common(account_id, sequence, opened_at), amount=abs(amount), currency=currency, balance=balance)
        )
    return events


def transferred(
    paying: Sequence[Event], receiving: Sequence[Event], amount: str | Decimal, transfer_id: str = "transfer-1"
) -> tuple[list[Event], list[Event]]:
    """The histories of two accounts with a transfer at the end: one more event each, at the same time.

    As the service publishes them: both events have the `transfer_id`, the amount and the other account's id, and the
    received one has no ids of the paying owner's request. On the stream, they come in any order: see `mixed`.

    Args:
        paying: all events of the account that pays, from `history`.
        receiving: those of the other account.
        amount: in units of the currency, positive, with at most two decimals.
        transfer_id: each transfer has another one.

    Raises:
        BadReplay: no transfer can be like this: the accounts are the same or have different currencies, the last event
            of one has no balance, or the amount is invalid or larger than the paying account's balance.
    """
    money, last, before = _amount(amount), _last(paying), _last(receiving)
    if last.account_id == before.account_id or last.currency != before.currency:
        raise BadReplay("a transfer needs two accounts of the same currency")
    if not 0 < money <= last.balance:
        raise BadReplay(f"{last.account_id}: {amount} overdraws the account or is not positive")
    at = max(last.occurred_at, before.occurred_at) + timedelta(seconds=1)
    paid = BalanceWithdrawn(
        **_common(last.account_id, last.sequence + 1, at) | {"occurred_at": at},
        amount=money,
        currency=last.currency,
        balance=last.balance - money,
        transfer_id=transfer_id,
        counterparty_account_id=before.account_id,
    )
    received = BalanceCredited(
        **_common(before.account_id, before.sequence + 1, at)
        | {"occurred_at": at, "correlation_id": transfer_id, "request_id": None},
        amount=money,
        currency=before.currency,
        balance=before.balance + money,
        transfer_id=transfer_id,
        counterparty_account_id=last.account_id,
    )
    return [*paying, paid], [*receiving, received]


def _last(events: Sequence[Event]) -> KnownEvent:
    match events:
        case [*_, AccountCreated() | BalanceCredited() | BalanceWithdrawn() as last]:
            return last
    raise BadReplay("a transfer needs the events of two accounts, up to the last one with a balance")


def _common(account_id: str, sequence: int, opened_at: datetime) -> dict[str, Any]:
    return {
        "event_id": f"{account_id}:{sequence}",
        "account_id": account_id,
        "sequence": sequence,
        "occurred_at": opened_at + timedelta(seconds=sequence - 1),
        "correlation_id": f"correlation-{account_id}-{sequence}",
        "causation_id": None,
        "request_id": f"request-{account_id}-{sequence}",
    }


def _amount(text: str | Decimal | float) -> Decimal:
    if isinstance(text, float):
        raise BadReplay(f"{text!r} is a float, which is not exact: pass text, such as '100.00', or a Decimal")
    try:
        amount = Decimal(text)
        if amount and amount == amount.quantize(CENT):
            return amount.quantize(CENT)
    except InvalidOperation:
        pass
    raise BadReplay(f"{text!r} is not an amount: pass a number other than zero with at most two decimals")


def mixed(*histories: Iterable[Event], seed: int | None = None) -> list[Event]:
    """The events of several accounts: in turn, or in an order given by a seed. Each account's events stay in order."""
    return [event for _, event in in_turn({str(n): events for n, events in enumerate(histories)}, seed)]


def without(events: Iterable[Event], account_id: str, *sequences: int) -> list[Event]:
    """The events without some events of an account, which then has a gap.

    Raises:
        BadReplay: one of these events does not exist.
    """
    given = list(events)
    left_out = {(account_id, sequence) for sequence in sequences}
    if unknown := sorted(left_out - {(event.account_id, event.sequence) for event in given}):
        raise BadReplay(f"{account_id}: there is no event {unknown[0][1]} to leave out")
    return [event for event in given if (event.account_id, event.sequence) not in left_out]


def out_of_order(events: Iterable[Event], seed: int) -> list[Event]:
    """The events out of order within their accounts: each event may move a few positions forward or back.

    Raises:
        BadReplay: no account has two different events.
    """
    given = list(events)
    for random in _randoms(seed):
        disturbed = _disturbed(given, random)
        if disturbed != given:
            return disturbed
    raise BadReplay("no account has two different events whose order could change")


def republished(events: Iterable[Event], seed: int) -> list[Event]:
    """The events as they are published if responses to puts are lost: at times an account's last events are repeated.

    The projector publishes at least once: repeated events are new Kinesis records with new sequence numbers. For
    records that Lambda delivers twice, use `replay(..., duplicates="all")`.

    Raises:
        BadReplay: there are no events.
    """
    given = list(events)
    for random in _randoms(seed):
        found = list(_repeating(given, random))
        if len(found) > len(given):
            return found
    raise BadReplay("there is no event that could be published again")


def _randoms(seed: int) -> Iterator[Random]:
    """Random generators from one seed. The caller tries them until one has an effect; their number is limited."""
    for attempt in range(ATTEMPTS_MAX):
        yield Random(f"{seed} {attempt}")  # noqa: S311 -- seeded, so that a failure can be repeated


def _disturbed(events: Sequence[Event], random: Random) -> list[Event]:
    by_account: dict[str, list[Event]] = {}
    for event in events:
        by_account.setdefault(event.account_id, []).append(event)
    queues = {}
    for account_id, own in by_account.items():
        positions = [(position + random.uniform(0, REACH), event) for position, event in enumerate(own)]
        queues[account_id] = iter([event for _, event in sorted(positions, key=lambda each: each[0])])
    return [next(queues[event.account_id]) for event in events]


def _repeating(events: Iterable[Event], random: Random) -> Iterator[Event]:
    last: dict[str, list[Event]] = {}
    for event in events:
        own = last.setdefault(event.account_id, [])
        own.append(event)
        yield event
        if random.random() < CHANCE:
            yield from own[-random.randint(1, RUN_MAX) :]
