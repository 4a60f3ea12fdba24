"""Which events are replayed: those of some accounts, those of a time range, or all."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from account_events.avro.values import micros
from ops.replay.errors import InvalidRequest

# Stricter than `fromisoformat`, which accepts any character between date and time and drops decimals after the sixth.
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """All events of these accounts."""

    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """All events of all accounts."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The events of all accounts that occurred in a time range.

    An account's times never decrease, so its selected events are consecutive. In rows of format 1, times may decrease:
    such an event counts as occurring no earlier than the events before it, which keeps the selection consecutive.

    Attributes:
        from_us: microseconds since 1970, inclusive; None: from the beginning.
        until_us: microseconds since 1970, exclusive; None: to the end.
    """

    from_us: int | None
    until_us: int | None


Selection = Accounts | TimeRange | Everything


def time_range(from_: str | None, until: str | None) -> TimeRange:
    """The range between two ISO 8601 times with an offset.

    Raises:
        InvalidRequest: a time is not valid, or the first is not before the second.
    """
    selected = TimeRange(*(None if text is None else _micros(text) for text in (from_, until)))
    if selected.from_us is not None and selected.until_us is not None and selected.from_us >= selected.until_us:
        raise InvalidRequest(f"--from {from_} is not before --until {until}: the range is empty.")
    return selected


def includes(selection: Selection, occurred_us: int | None) -> bool:
    if not isinstance(selection, TimeRange):
        return True
    is_before = selection.from_us is not None and (occurred_us is None or occurred_us < selection.from_us)
    return not is_before and not is_past(selection, occurred_us)


def is_past(selection: Selection, occurred_us: int | None) -> bool:
    """Whether an account whose events have reached this time has no further selected events."""
    return (
        isinstance(selection, TimeRange)
        and selection.until_us is not None
        and occurred_us is not None
        and occurred_us >= selection.until_us
    )


def described(selection: Selection) -> dict[str, Any]:
    """The selection in JSON, for the checkpoint."""
    match selection:
        case Accounts(account_ids):
            return {"accounts": list(account_ids)}
        case TimeRange(from_us, until_us):
            return {"from_us": from_us, "until_us": until_us}
        case Everything():
            return {"all": True}


def _micros(text: str) -> int:
    try:
        if _TIME.fullmatch(text):
            return micros(datetime.fromisoformat(text))
    except ValueError:
        pass
    raise InvalidRequest(
        f"{text!r} is not an ISO 8601 time with an offset: write it like 2026-01-31T09:30:00+01:00; use Z for UTC."
    )
