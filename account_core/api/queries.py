"""What a query string asks for. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from account_core.api.requests import ACCOUNT_ID
from account_core.domain.errors import InvalidRequest
from account_core.service.head import timestamp

LIMIT_DEFAULT = 50
LIMIT_MAX = 100
NUMBER_MAX = 10**9
"""More than the events that an account can have: its rows have to stay below 10 GB."""
POINT_IN_TIME = ("atSequence", "at")
REPLACED = {"atVersion": "use atSequence. It takes a sequence; the versions of earlier releases are other numbers."}
"""Parameters of earlier releases: refused, never reinterpreted."""
PAGE = ("after", "limit", "order")
ACCOUNT_PAGE = ("afterAccount", "limit")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339; the seconds may be left out."""
ORDERS = ("oldest", "newest")


@dataclass(frozen=True, slots=True)
class PointInTime:
    """Attributes: `moment` as `head.timestamp` writes it. Neither: now."""

    sequence: int | None = None
    moment: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Events of an account: at most `limit`, beyond sequence `after` in the direction asked for."""

    after: int | None
    limit: int
    newest_first: bool


def point_in_time(query: Mapping[str, str]) -> PointInTime:
    """From `atSequence=7` or `at=2026-01-31T09:30:00Z`."""
    if len(query) > 1:
        raise InvalidRequest("Give either at or atSequence.", "invalid_parameter")
    sequence = _number(query, "atSequence", 1, NUMBER_MAX)
    return PointInTime(sequence, _moment(query["at"]) if "at" in query else None)


def page(query: Mapping[str, str]) -> Page:
    """From `after=20&limit=10&order=newest`."""
    limit = _number(query, "limit", 1, LIMIT_MAX)
    order = query.get("order", ORDERS[0])
    if order not in ORDERS:
        raise InvalidRequest(f"order has to be one of: {', '.join(ORDERS)}.", "invalid_parameter")
    after = _number(query, "after", 0, NUMBER_MAX)
    return Page(after, LIMIT_DEFAULT if limit is None else limit, newest_first=order == "newest")


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Accounts of an owner: at most `limit`, by id, behind `after`."""

    after: str | None
    limit: int


def account_page(query: Mapping[str, str]) -> AccountPage:
    """From `afterAccount=0b9c2f6e&limit=10`."""
    after = query.get("afterAccount")
    if after is not None and not re.fullmatch(ACCOUNT_ID, after):
        raise InvalidRequest("afterAccount has to be an account id.", "invalid_parameter")
    limit = _number(query, "limit", 1, LIMIT_MAX)
    return AccountPage(after, LIMIT_DEFAULT if limit is None else limit)


def _number(query: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise InvalidRequest(f"{name} has to be a whole number from {least} to {most}.", "invalid_parameter")
    return int(text)


def _moment(text: str) -> str:
    try:
        if _DATE_TIME.fullmatch(text):
            return timestamp(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(
        "at has to be a time with its offset, like 2026-01-31T09:30:00Z (a + in it has to be sent as %2B).",
        "invalid_parameter",
    )
