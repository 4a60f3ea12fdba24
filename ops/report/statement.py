"""An account's statement, put together from the API's pages; as CSV. Pure."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO, Any

from local_stack.errors import CommandError

COLUMNS = (
    *("entry", "dt", "sequence", "event_type", "change", "balance", "currency", "occurred_at"),
    *("transfer_id", "counterparty_account_id", "correlation_id"),
)
"""The columns of the CSV file, named as in the lake's query account_statement."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_DATE_LENGTH = len("2026-01-31")


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance, and the last event that it includes."""

    sequence: int
    occurred_at: str
    balance: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class StatementEvent:
    """An event.

    Attributes:
        change: by how much the balance changed, negative for a withdrawal; None for the account's creation.
        transfer_id: None if the event is not part of a transfer.
        counterparty: the transfer's other account; None if the event is not part of a transfer.
    """

    sequence: int
    event_type: str
    occurred_at: str
    change: Decimal | None
    balance: Decimal
    currency: str
    transfer_id: str | None
    counterparty: str | None
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole statement. Attributes: `opening` and `closing` are None if the account had no event by then."""

    account_id: str
    first: date
    last: date
    opening: Balance | None
    lines: Sequence[StatementEvent]
    closing: Balance | None

    @property
    def credited(self) -> Decimal:
        return sum((line.change for line in self.lines if line.change and line.change > 0), Decimal("0.00"))

    @property
    def withdrawn(self) -> Decimal:
        """The sum of all withdrawals, without a sign."""
        return sum((-line.change for line in self.lines if line.change and line.change < 0), Decimal("0.00"))


def statement_of(pages: Sequence[Mapping[str, Any]]) -> Statement:
    """The statement in all pages of the API, in order.

    Raises:
        CommandError: the pages do not belong together: the lines do not lead from the opening to the closing balance.
    """
    first = pages[0]
    statement = Statement(
        first["accountId"],
        date.fromisoformat(first["from"]),
        date.fromisoformat(first["until"]),
        _balance(first["opening"]),
        [_line(line) for page in pages for line in page["lines"]],
        _balance(first["closing"]),
    )
    opening, closing = (bound.balance if bound else Decimal(0) for bound in (statement.opening, statement.closing))
    if opening + statement.credited - statement.withdrawn != closing:
        raise CommandError(
            f"The lines of account {statement.account_id} do not lead from its opening to its closing balance. "
            "Compare the account's rows with account-events check."
        )
    return statement


def write_csv(statement: Statement, file: IO[str]) -> None:
    """Write the statement as CSV (RFC 4180), amounts as exact text.

    A text that a spreadsheet would take for a formula is written with an apostrophe before it.
    """
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_records(statement))


def _records(statement: Statement) -> Iterator[tuple[object, ...]]:
    yield _bound("opening", statement.opening)
    for line in statement.lines:
        texts = (line.transfer_id, line.counterparty, line.correlation_id)
        change = "" if line.change is None else f"{line.change:.2f}"
        yield (
            *("event", line.occurred_at[:_DATE_LENGTH], line.sequence, line.event_type, change),
            *(f"{line.balance:.2f}", line.currency, line.occurred_at, *(_plain(text or "") for text in texts)),
        )
    yield _bound("closing", statement.closing)


def _bound(entry: str, found: Balance | None) -> tuple[object, ...]:
    if found is None:
        return (entry, *[""] * (len(COLUMNS) - 1))
    day = found.occurred_at[:_DATE_LENGTH]
    return (entry, day, found.sequence, "", "", f"{found.balance:.2f}", found.currency, found.occurred_at, "", "", "")


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _balance(found: Mapping[str, Any] | None) -> Balance | None:
    if found is None:
        return None
    return Balance(found["sequence"], found["occurredAt"], Decimal(found["balance"]), found["currency"])


def _line(found: Mapping[str, Any]) -> StatementEvent:
    return StatementEvent(
        sequence=found["sequence"],
        event_type=found["type"],
        occurred_at=found["occurredAt"],
        change=None if found["change"] is None else Decimal(found["change"]),
        balance=Decimal(found["balance"]),
        currency=found["currency"],
        transfer_id=found["transferId"],
        counterparty=found["counterpartyAccountId"],
        correlation_id=found["correlationId"],
    )
