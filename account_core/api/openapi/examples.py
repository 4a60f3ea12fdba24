"""Examples of requests and responses. The code that answers requests makes the responses."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from account_core.api import responses, statements
from account_core.api.gateway import Response
from account_core.api.queries import Page
from account_core.domain.events import Created, Credited, EventRow, Transfer, Withdrawn
from account_core.service.execution import Receipt
from account_core.service.owned_accounts import OwnedAccount
from account_core.service.statement import Days, Place, StatementPage

ACCOUNT_ID_EXAMPLE = "0b9c2f6e-5a52-4d1c-9d2c-6f5f0e0a7b11"
MOMENT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
REQUEST_ID = "JKJaXmPLvHcESHA="
_TIME = "2026-01-31T09:30:00.000001Z"
_HUNDRED, _FORTY, _FIVE = Decimal("100.00"), Decimal("40.00"), Decimal("5.00")

_ROWS = [
    EventRow(ACCOUNT_ID_EXAMPLE, 1, 1, _TIME, Created("owner-1", "EUR"), Decimal("0.00"), "EUR", "order-7", REQUEST_ID),
    EventRow(ACCOUNT_ID_EXAMPLE, 2, 2, _TIME, Credited(_HUNDRED), _HUNDRED, "EUR", "order-7", REQUEST_ID),
    EventRow(
        ACCOUNT_ID_EXAMPLE,
        3,
        3,
        _TIME,
        Withdrawn(_FORTY),
        _HUNDRED - _FORTY,
        "EUR",
        "order-7",
        REQUEST_ID,
        "5f0c6a1e-7d7f-4a57-8b53-0c0b1c9a2d44",
    ),
]
_TRANSFER = Transfer("c1d7a3a2-6f0b-4f61-8f57-2b1f3a9c7e10", "7f3e9a52-0c1d-4b8e-a6f7-915d2c4b8e03")
_PAID = EventRow(
    *(ACCOUNT_ID_EXAMPLE, 4, 4, _TIME, Withdrawn(_FIVE, _TRANSFER), _HUNDRED - _FORTY - _FIVE, "EUR"),
    *("order-8", REQUEST_ID, "0d3b7a64-3c55-4d57-9c51-e6c3b8a0f1d2"),
)
"""The paying account's event of a transfer."""

_OWNED = OwnedAccount(ACCOUNT_ID_EXAMPLE, "EUR", _HUNDRED - _FORTY, 3, _TIME, _TIME)

_STATEMENT = statements.statement(
    ACCOUNT_ID_EXAMPLE,
    statements.StatementQuery(Days(date(2026, 1, 1), date(2026, 1, 31)), len(_ROWS), None),
    StatementPage(None, _ROWS, _PAID, Place(0, len(_ROWS), _PAID.sequence)),
)


def _account(row: EventRow, status: int, transfer: Transfer | None = None) -> Response:
    transfer_id = None if transfer is None else transfer.transfer_id
    receipt = Receipt(row.balance, row.currency, row.sequence, transfer_id=transfer_id)
    return responses.account(row.account_id, receipt, status)


RESPONSES: dict[str, Response] = {
    "create_account": _account(_ROWS[0], 201),
    "credit": _account(_ROWS[1], 200),
    "withdraw": _account(_ROWS[2], 200),
    "transfer": _account(_PAID, 200, _TRANSFER),
    "read_account": _account(_ROWS[2], 200),
    "list_events": responses.events(ACCOUNT_ID_EXAMPLE, _ROWS, Page(None, len(_ROWS), newest_first=False)),
    "read_statement": _STATEMENT,
    "list_accounts": responses.accounts("owner-1", [_OWNED], limit=50),
}
"""Each operation's successful response."""

REQUESTS: dict[str, dict[str, dict[str, Any]]] = {
    "create_account": {"for an owner": {"owner": "owner-1", "currency": "EUR"}},
    "credit": {"a string": {"amount": "100.00"}, "a number": {"amount": 12.5}},
    "withdraw": {"a string": {"amount": "40.00"}, "a number": {"amount": 0.01}},
    "transfer": {"to another account": {"to": _TRANSFER.counterparty, "amount": "5.00"}},
}

ACCOUNT: dict[str, Any] = dict(RESPONSES["read_account"].body or {})
EVENT_PAGE: dict[str, Any] = dict(RESPONSES["list_events"].body or {})

TRANSFERRED: dict[str, Any] = dict(RESPONSES["transfer"].body or {})
ROWS = (*_ROWS, _PAID)
"""The rows of these responses; tools/events_doc.py makes the events' examples from them."""
