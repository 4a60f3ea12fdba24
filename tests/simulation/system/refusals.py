"""Each refusal was right at some moment between the request and the answer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from account_core.domain.account import Account
from account_core.domain.events import EventRow
from account_core.domain.money import MONEY_MAX
from account_core.service.head import Head, advance
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.commands import Answer, Command
from tests.simulation.system.ledger import Rows

States = dict[str, list[Account | None]]
"""The state of each account at each sequence, from 0, before its first event."""


def check(rows: Rows, commands: Sequence[Command]) -> None:
    """Raises PromiseBroken if a command was refused although nothing forbade it at any moment."""
    states = {account_id: list(_states(own)) for account_id, own in rows.items()}
    keys: dict[tuple[str, str | None], str] = {
        (row.account_id, row.command_id): row.correlation_id
        for own in rows.values()
        for row in own
        if isinstance(row, EventRow) and row.command_id is not None
    }
    for command in commands:
        for answer in command.answers:
            if answer.code == "idempotency_key_reused":
                is_right = keys.get((command.account_id, command.key), command.correlation_id) != command.correlation_id
            else:
                is_right = answer.code is None or not answer.is_final or _is_right(command, answer, states)
            if not is_right:
                raise PromiseBroken(f"{answer.code} was wrong at every moment: {command}")


def _is_right(command: Command, answer: Answer, states: States) -> bool:
    payer, receiver = (
        [states.get(account_id, [None])[sequence] for sequence in answer.during[account_id]]
        for account_id in (command.account_id, command.to)
    )
    amount = Decimal(command.cents) / 100
    forbids: dict[str | None, Callable[[Account | None], bool]] = {
        "account_not_found": lambda state: state is None or state.owner != command.subject,
        "insufficient_funds": lambda state: state is not None and state.balance < amount,
        "balance_limit_exceeded": lambda state: state is not None and state.balance + amount > MONEY_MAX,
    }
    if answer.code in forbids:
        return any(map(forbids[answer.code], payer))
    if answer.code == "precondition_failed":
        return any(command.if_match != f'"s-{sequence}"' for sequence in answer.during[command.account_id])
    if answer.code == "receiver_refused":
        currencies = {state.currency for state in payer if state is not None}
        return any(
            state is None or state.currency not in currencies or state.balance + amount > MONEY_MAX
            for state in receiver
        )
    return answer.code == "transfer_to_itself" and command.to == command.account_id


def _states(rows: Iterable[object]) -> Iterator[Account | None]:
    head = Head()
    yield head.account
    for row in rows:
        if isinstance(row, EventRow):
            head = advance(head, row)
            yield head.account
