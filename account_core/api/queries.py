"""Parse query strings. Pure."""

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
"""More events than an account can have: its rows must fit in 10 GB."""
POINT_IN_TIME = ("atSequence", "at")
REPLACED = {"atVersion": "use atSequence. It takes a sequence, which is not the version number of earlier releases."}
"""Parameters of earlier releases. They are refused, not reinterpreted (docs/adr/0017-the-api-counts-events.md)."""
PAGE = ("after", "limit", "order")
ACCOUNT_PAGE = ("afterAccount", "limit")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339, but the seconds are optional."""
ORDERS = ("oldest", "newest")


@dataclass(frozen=True, slots=True)
class PointInTime:
    """A sequence or a moment (as `head.timestamp` writes it). If both are None, it is now."""

    sequence: int | None = None
    moment: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an account's events: at most `limit`, after sequence `after` in the requested direction."""

    after: int | None
    limit: int
    newest_first: bool


def point_in_time(query: Mapping[str, str]) -> PointInTime:
    """The point in time in `atSequence=7` or `at=2026-01-31T09:30:00Z`."""
    if len(query) > 1:
        raise InvalidRequest("Send either at or atSequence, not both.", "invalid_parameter")
    sequence = _number(query, "atSequence", 1, NUMBER_MAX)
    return PointInTime(sequence, _moment(query["at"]) if "at" in query else None)


def page(query: Mapping[str, str]) -> Page:
    """The page in `after=20&limit=10&order=newest`."""
    order = query.get("order", ORDERS[0])
    if order not in ORDERS:
        raise InvalidRequest(f"order must be one of: {', '.join(ORDERS)}.", "invalid_parameter")
    after = _number(query, "after", 0, NUMBER_MAX)
    return Page(after, limit(query), newest_first=order == "newest")


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of an owner's accounts: at most `limit`, by id, after the account `after`."""

    after: str | None
    limit: int


def account_page(query: Mapping[str, str]) -> AccountPage:
    """The page in `afterAccount=0b9c2f6e&limit=10`."""
    after = query.get("afterAccount")
    if after is not None and not re.fullmatch(ACCOUNT_ID, after):
        raise InvalidRequest("afterAccount must be an account id.", "invalid_parameter")
    return AccountPage(after, limit(query))


def limit(query: Mapping[str, str]) -> int:
    """The most entries of a page, in `limit=10`."""
    number = _number(query, "limit", 1, LIMIT_MAX)
    return LIMIT_DEFAULT if number is None else number


def _number(query: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise InvalidRequest(f"{name} must be a whole number from {least} to {most}.", "invalid_parameter")
    return int(text)


def _moment(text: str) -> str:
    try:
        if _DATE_TIME.fullmatch(text):
            return timestamp(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(
        "at must be a time with an offset, like 2026-01-31T09:30:00Z (send a + as %2B).",
        "invalid_parameter",
    )
