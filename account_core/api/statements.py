"""The query and the response of a statement. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from account_core.api.gateway import Response
from account_core.api.queries import limit
from account_core.api.responses import type_of
from account_core.domain.errors import InvalidRequest
from account_core.domain.events import Created, EventRow
from account_core.service.statement import OTHER_STATEMENT, Days, Place, StatementPage, change_of

PARAMETERS = ("from", "until", "limit", "page")
PLACE = "[0-9]{1,10}-[0-9]{1,10}-[0-9]{1,10}"
"""The sequences of a `Place`."""
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")  # `fromisoformat` also accepts 20261127 and 2026-W48-5


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """Attributes: `place` is None for the first page."""

    days: Days
    limit: int
    place: Place | None


def statement_query(query: Mapping[str, str]) -> StatementQuery:
    """The statement in `from=2026-01-01&until=2026-01-31&limit=10&page=3-13-20`."""
    days = Days(_day(query, "from"), _day(query, "until"))
    if days.first > days.last:
        raise InvalidRequest("from must not be later than until.", "invalid_parameter")
    return StatementQuery(days, limit(query), _place(query.get("page")))


def statement(account_id: str, query: StatementQuery, page: StatementPage) -> Response:
    """A page of a statement. `next` is the path of the next page, or null if this is the last."""
    days, place = query.days, page.following
    path = f"/accounts/{account_id}/statement?from={days.first}&until={days.last}&limit={query.limit}"
    body = {
        "accountId": account_id,
        "from": f"{days.first}",
        "until": f"{days.last}",
        "opening": _balance(page.opening),
        "lines": [_line(row) for row in page.lines],
        "closing": _balance(page.closing),
        "next": place and f"{path}&page={place.opening}-{place.after}-{place.through}",
    }
    return Response(200, body)


def _day(query: Mapping[str, str], name: str) -> date:
    text = query.get(name)
    try:
        if text is not None and _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidRequest(f"{name} is required: a day in UTC, like 2026-01-31.", "invalid_parameter")


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    if not re.fullmatch(PLACE, text):
        raise InvalidRequest(OTHER_STATEMENT, "invalid_parameter")
    return Place(*map(int, text.split("-")))


def _balance(row: EventRow | None) -> dict[str, Any] | None:
    """The balance after this event."""
    if row is None:
        return None
    return {
        "sequence": row.sequence,
        "occurredAt": row.occurred_at,
        "balance": str(row.balance),
        "currency": row.currency,
    }


def _line(row: EventRow) -> dict[str, Any]:
    transfer = None if isinstance(row.event, Created) else row.event.transfer
    change = change_of(row)
    return {
        "sequence": row.sequence,
        "type": type_of(row),
        "occurredAt": row.occurred_at,
        "change": None if change is None else str(change),
        "balance": str(row.balance),
        "currency": row.currency,
        "transferId": transfer and transfer.transfer_id,
        "counterpartyAccountId": transfer and transfer.counterparty,
        "correlationId": row.correlation_id,
    }
