"""What the ledger must be in the end, given what the clients sent and what they were answered."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, Credited, EventRow, Row, SnapshotRow, Transfer, Withdrawn
from account_core.service.head import Head, advance, snapshot_of
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.commands import Command
from tests.support.histories import rows_violation

Rows = Mapping[str, Sequence[Row]]
"""All rows by account, in the order of their versions."""
DAY_LENGTH = len("2026-01-31")
CENTS = 100


def check_rows(rows: Rows) -> None:
    """Every account's rows follow from one another, and its snapshots have the state at their place."""
    for account_id, own in rows.items():
        if found := rows_violation(own[::-1]):
            raise PromiseBroken(f"{account_id}: {found}")
        head = Head()
        try:
            for row in own:
                if isinstance(row, SnapshotRow):
                    _check(row == snapshot_of(account_id, head), f"a snapshot has another state than the events: {row}")
                else:
                    _check(row.occurred_at >= head.occurred_at, f"the time goes back: {row}")
                    head = advance(head, row)
        except Corrupt as error:
            raise PromiseBroken(f"{account_id}: {error}") from error


def check_transfers(rows: Rows) -> None:
    """Each transfer is one withdrawal and one credit that agree, and no id of the payer reaches the receiver."""
    transfers: defaultdict[str, list[tuple[EventRow, Transfer]]] = defaultdict(list)
    for row in event_rows(rows):
        if not isinstance(row.event, Created) and row.event.transfer is not None:
            transfers[row.event.transfer.transfer_id].append((row, row.event.transfer))
    for transfer_id, both in transfers.items():
        paying = [(row, transfer) for row, transfer in both if isinstance(row.event, Withdrawn)]
        receiving = [(row, transfer) for row, transfer in both if isinstance(row.event, Credited)]
        _check(
            len(paying) == len(receiving) == 1, f"transfer {transfer_id} is not one withdrawal and one credit: {both}"
        )
        [(payer, to)], [(receiver, origin)] = paying, receiving
        facts = [(row.currency, row.event.amount) for row in (payer, receiver) if not isinstance(row.event, Created)]
        _check(facts[0] == facts[1], f"transfer {transfer_id} has two amounts or currencies: {both}")
        names = (to.counterparty, origin.counterparty)
        _check(names == (receiver.account_id, payer.account_id), f"transfer {transfer_id} names others: {both}")
        times = [row.occurred_at for row in (payer, receiver)]
        _check(times[0][:DAY_LENGTH] == times[1][:DAY_LENGTH], f"transfer {transfer_id} is on two days: {times}")
        _check(times[0] == times[1], f"transfer {transfer_id} has two times: {times}")
        ids = (receiver.correlation_id, receiver.request_id, receiver.command_id)
        _check(ids == (transfer_id, None, None), f"ids of a transfer's payer are on the receiving account: {receiver}")


def check_commands(rows: Rows, commands: Sequence[Command]) -> None:
    """Each command has one event or none, as it was answered, and each event has a command."""
    caused: defaultdict[str, list[EventRow]] = defaultdict(list)
    for row in event_rows(rows):
        if not is_receiving(row):
            caused[row.correlation_id].append(row)
    for command in commands:
        _check_command(command, caused.pop(command.correlation_id, []))
    _check(not caused, f"events that no command has caused: {dict(caused)}")


def check_states(rows: Rows, states: Iterable[tuple[str, int, str]]) -> None:
    """Every balance that an answer has shown is the account's balance after that event."""
    balances = {(row.account_id, row.sequence): f"{row.balance:.2f}" for row in event_rows(rows)}
    for account_id, sequence, balance in states:
        there = balances.get((account_id, sequence))
        _check(there == balance, f"an answer has shown {balance} at {account_id}:{sequence}, where it is {there}")


def check_sum(rows: Rows, commands: Iterable[Command]) -> None:
    """Transfers leave the sum of all balances as it is: it follows from the credits and withdrawals.

    An answer without a key may be lost. Then the credit or withdrawal may have happened, or not.
    """
    first = {account_id: own[0] for account_id, own in rows.items()}
    sums, certain = Counter[str](), Counter[str]()
    more, less = Counter[str](), Counter[str]()
    for own in rows.values():
        sums[own[-1].currency] += _cents(own[-1].balance)
    for command in commands:
        if command.kind not in {"credit", "withdraw"} or command.account_id not in first:
            continue
        currency = first[command.account_id].currency
        is_credit = command.kind == "credit"
        if command.applied:
            certain[currency] += command.cents if is_credit else -command.cents
        elif not command.is_settled:
            (more if is_credit else less)[currency] += command.cents
    for currency, cents in sums.items():
        lowest, highest = certain[currency] - less[currency], certain[currency] + more[currency]
        _check(lowest <= cents <= highest, f"{cents} cents of {currency}, instead of {lowest} to {highest}")


def _check_command(command: Command, events: Sequence[EventRow]) -> None:
    _check(len(events) <= 1, f"{command} has several events: {events}")
    applied = [answer for answer in command.answers if answer.is_applied]
    results = {tuple(sorted(answer.body.items())) for answer in applied}
    _check(len(results) <= 1, f"{command} has several results")
    for answer in command.answers:
        is_kept = answer.is_applied or not answer.is_repetition or not answer.is_final
        _check(is_kept, f"{command} is refused after it was carried out")
    if applied:
        _check(len(events) == 1, f"{command} is answered, but has no event")
        body = applied[0].body
        shown = (body["accountId"], body["sequence"], body["balance"], body.get("transferId"))
        transfer = _transfer(events[0])
        there = (events[0].account_id, events[0].sequence, f"{events[0].balance:.2f}")
        _check(shown == (*there, transfer and transfer.transfer_id), f"{command} has another event: {events[0]}")
    elif command.is_settled:
        _check(not events, f"{command} is refused, but has an event: {events}")
    for row in events:
        _check_effect(command, row)


def _check_effect(command: Command, row: EventRow) -> None:
    _check(row.command_id == command.key, f"{command} has an event with another key: {row}")
    transfer = _transfer(row)
    if isinstance(row.event, Created):
        effect = ("create", 0, "")
        _check(row.event == Created(command.subject, command.currency), f"{command} creates another account: {row}")
    else:
        name = "credit" if isinstance(row.event, Credited) else "withdraw"
        to = "" if transfer is None else transfer.counterparty
        effect = (name if transfer is None else "transfer", _cents(row.event.amount), to)
        _check(row.account_id == command.account_id, f"{command} has an event on another account: {row}")
    _check(effect == (command.kind, command.cents, command.to), f"{command} has another effect: {row}")


def event_rows(rows: Rows) -> list[EventRow]:
    """The rows of all events."""
    return [row for own in rows.values() for row in own if isinstance(row, EventRow)]


def _transfer(row: EventRow) -> Transfer | None:
    return None if isinstance(row.event, Created) else row.event.transfer


def is_receiving(row: EventRow) -> bool:
    """Whether it is the credit of a transfer, which a command on another account has caused."""
    return isinstance(row.event, Credited) and row.event.transfer is not None


def _cents(amount: Decimal) -> int:
    return int(amount * CENTS)


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 -- as assert
    if not holds:
        raise PromiseBroken(otherwise)
