"""Each refusal was right at some moment between the request and the answer."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
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


def states_of(rows: Rows) -> States:
    return {account_id: list(_states(own)) for account_id, own in rows.items()}


def check(rows: Rows, states: States, commands: Sequence[Command], full: Container[str], *, is_jwt: bool) -> None:
    """Raises PromiseBroken if a command was refused although nothing forbade it at any moment.

    Args:
        rows: the ledger.
        states: see `States`.
        commands: everything that was ever sent.
        full: the accounts that were full at last. Such an account never takes a row again.
        is_jwt: whether a client may use its own accounts only.
    """
    refusals = _Refusals(states, full, is_jwt=is_jwt)
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
                is_right = answer.code is None or not answer.is_final or refusals.is_right(command, answer)
            if not is_right:
                raise PromiseBroken(f"{answer.code} was wrong at every moment: {command}")


class _Refusals:
    """The rules for the refusals of a scenario; see `check`."""

    def __init__(self, states: States, full: Container[str], *, is_jwt: bool) -> None:
        self._states = states
        self._full = full
        self._is_jwt = is_jwt

    def is_right(self, command: Command, answer: Answer) -> bool:
        payer = self._during(command.account_id, answer)
        amount = Decimal(command.cents) / 100
        known = [state for state in payer if state is not None]
        rules: Mapping[str | None, Callable[[], bool]] = {
            "account_not_found": lambda: any(
                state is None or (self._is_jwt and state.owner != command.subject) for state in payer
            ),
            "account_full": lambda: command.account_id in self._full,
            "balance_limit_exceeded": lambda: (
                command.kind == "credit" and any(state.balance + amount > MONEY_MAX for state in known)
            ),
            "insufficient_funds": lambda: (
                command.kind in {"withdraw", "transfer"} and any(state.balance < amount for state in known)
            ),
            "precondition_failed": lambda: any(
                command.if_match != f'"s-{sequence}"' for sequence in answer.during[command.account_id]
            ),
            "receiver_refused": lambda: (  # a client that cannot pay the amount learns nothing about it
                any(state.balance >= amount for state in known)
                and self._refuses(command, answer, amount, {state.currency for state in known})
            ),
            "transfer_to_itself": lambda: command.to == command.account_id,
        }
        return answer.code in rules and rules[answer.code]()

    def _refuses(self, command: Command, answer: Answer, amount: Decimal, currencies: Container[str]) -> bool:
        return command.to in self._full or any(
            state is None or state.currency not in currencies or state.balance + amount > MONEY_MAX
            for state in self._during(command.to, answer)
        )

    def _during(self, account_id: str, answer: Answer) -> list[Account | None]:
        """The states that an account had between request and answer."""
        own = self._states.get(account_id, [None])
        return [own[sequence] for sequence in answer.during[account_id]]


def _states(rows: Iterable[object]) -> Iterator[Account | None]:
    head = Head()
    yield head.account
    for row in rows:
        if isinstance(row, EventRow):
            head = advance(head, row)
            yield head.account
