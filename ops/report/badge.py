"""The reconciliation badge: whether what the report shows can be relied on, in a colour, a symbol and words. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from ops.report.amounts import count, moment, money

Tone = Literal["good", "caution", "bad", "unknown"]
SYMBOLS: dict[Tone, str] = {"good": "✓", "caution": "!", "bad": "✕", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the badge says of a comparison of ledger and lake. Times are UTC.

    Attributes:
        at: when they were compared.
        through: events until then were.
        gaps: for each currency whose total differs, lake less ledger.
        coming: events that were on their way to the lake.
    """

    at: datetime
    through: datetime
    events: int
    accounts: int
    missing: int = 0
    extra: int = 0
    differing: int = 0
    coming: int = 0
    gaps: tuple[tuple[str, Decimal], ...] = ()

    @property
    def is_sound(self) -> bool:
        """No event is missing, extra or differs."""
        return not (self.missing or self.extra or self.differing or self.gaps)


@dataclass(frozen=True, slots=True)
class Badge:
    """Attributes: `says` in a few words, `detail` what is behind it, `advice` what to do: none where all is well."""

    tone: Tone
    says: str
    detail: str
    advice: str = ""

    @property
    def symbol(self) -> str:
        """The colour's, for who sees none."""
        return SYMBOLS[self.tone]


NEVER = Badge(
    "unknown",
    "Never reconciled",
    "Nobody has compared this lake with the ledger yet: no figure here is proven.",
    "account-events reconcile",
)
UNREADABLE = Badge(
    "unknown",
    "Reconciliation unreadable",
    "The verdict of the last reconciliation was written by another release, or is damaged.",
    "account-events reconcile",
)


def badge(found: Reconciliation | None, newest_occurred_at: datetime | None) -> Badge:
    """What to say on a report whose newest event occurred then."""
    if found is None:
        return NEVER
    compared = f"{count(found.events, 'event')} of {count(found.accounts, 'account')}"
    until = f"through {moment(found.through)}"
    if not found.is_sound:
        return Badge(
            "bad",
            "Differs from the ledger",
            f"{_differences(found)} Of {compared}, {until}; compared {moment(found.at)}.",
            "account-events reconcile",
        )
    if newest_occurred_at is not None and newest_occurred_at > found.through:
        age = _age(newest_occurred_at - found.through)
        return Badge(
            "caution",
            "Reconciled before the data shown",
            f"Ledger and lake agreed {until}, on {compared}: {age} before the newest event shown here.",
            "account-events reconcile",
        )
    if found.coming:
        return Badge(
            "caution",
            f"Reconciled, {count(found.coming, 'event')} on the way",
            f"Ledger and lake agree on {compared}, {until}; the rest was too young to be in the lake yet, at "
            f"{moment(found.at)}.",
            "account-events reconcile",
        )
    return Badge(
        "good",
        "Reconciled to the cent",
        f"Ledger and lake agree on every one of {compared}, {until}; compared {moment(found.at)}.",
    )


def _differences(found: Reconciliation) -> str:
    parts = [
        f"{count(number, 'event')} {how}"
        for number, how in (
            (found.missing, "missing from the lake"),
            (found.extra, "not in the ledger"),
            (found.differing, "not the same"),
        )
        if number
    ]
    parts += [
        f"{currency} {money(abs(gap))} too {'much' if gap > 0 else 'little'} there" for currency, gap in found.gaps
    ]
    return "; ".join(parts) + "."


def _age(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    for size, unit in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return count(minutes // size, unit)
    return "less than a minute"
