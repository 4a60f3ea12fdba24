"""Each command that was carried out was right: its account allowed it at the sequence before its event."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from account_core.domain.account import Account
from account_core.domain.events import Created, EventRow
from account_core.domain.money import MONEY_MAX
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.api import SKEW_MAX_S
from tests.simulation.system.commands import Command
from tests.simulation.system.ledger import Rows, event_rows, is_receiving
from tests.simulation.system.refusals import States

ROUNDING_S = 0.000_002
CLIENTS_IDS = "c-", "key-", "owner-", "gateway-"
"""How every id begins that comes with a client's request."""


def check(rows: Rows, states: States, commands: Sequence[Command], *, is_jwt: bool) -> None:
    """Raises PromiseBroken if an event should not be there, although its command was answered with it.

    Args:
        rows: the ledger.
        states: see `refusals`.
        commands: everything that was ever sent.
        is_jwt: whether a client may use its own accounts only.
    """
    earlier: dict[str, str] = {}
    for own in rows.values():
        events = [row for row in own if isinstance(row, EventRow)]
        earlier |= {_place(row): previous.occurred_at for previous, row in pairwise(events)}
    commands_by_id = {command.correlation_id: command for command in commands}
    by_transfer = {row.correlation_id: row for row in event_rows(rows) if is_receiving(row)}
    for row in event_rows(rows):
        _expect(row.balance <= MONEY_MAX, "a balance is above the limit", row)
        if is_receiving(row):
            _expect(not _client_ids(row), "an id of the paying client is on the receiving account", row)
            continue
        command = commands_by_id[row.correlation_id]
        both = [row]
        if command.kind == "transfer" and not isinstance(row.event, Created) and row.event.transfer is not None:
            both.append(by_transfer[row.event.transfer.transfer_id])
        _check_time(command, row, [earlier[_place(each)] for each in both if _place(each) in earlier])
        if command.kind != "create":
            _check_account(command, row, states[row.account_id][row.sequence - 1], is_jwt=is_jwt)


def _check_account(command: Command, row: EventRow, before: Account | None, *, is_jwt: bool) -> None:
    _expect(before is not None and (not is_jwt or before.owner == command.subject), "not the owner's command", row)
    if_match = f'"s-{row.sequence - 1}"'
    _expect(command.if_match in {None, if_match}, f"{command.if_match} was not fulfilled", row)
    if command.kind != "credit" and before is not None:
        _expect(before.balance >= Decimal(command.cents) / 100, "more than the balance was taken", row)


def _check_time(command: Command, row: EventRow, earlier: Sequence[str]) -> None:
    """The time is that of the environment's clock, or of the last event before it if that is later."""
    at_s = datetime.fromisoformat(row.occurred_at).timestamp()
    first_s = command.first_sent_s - SKEW_MAX_S - ROUNDING_S
    last_s = command.last_ended_s + SKEW_MAX_S + ROUNDING_S
    _expect(first_s <= at_s, "the event is older than its command", row)
    _expect(at_s <= last_s or row.occurred_at in earlier, "the event is later than its command's end", row)


def _client_ids(row: EventRow) -> list[str]:
    transfer = None if isinstance(row.event, Created) else row.event.transfer
    ids = (row.correlation_id, row.request_id, row.command_id, None if transfer is None else transfer.transfer_id)
    return [text for text in ids if text is not None and text.startswith(CLIENTS_IDS)]


def _place(row: EventRow) -> str:
    return f"{row.account_id}/{row.sequence}"


def _expect(holds: bool, otherwise: str, row: EventRow) -> None:  # noqa: FBT001 -- as assert
    if not holds:
        raise PromiseBroken(f"{otherwise}: {row}")
