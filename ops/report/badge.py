"""The reconciliation badge: shows by colour, symbol and words whether the report's figures are verified. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ops.lake.reconcile.result import ReconciliationResult
from ops.report.amounts import count, moment, money

Tone = Literal["good", "caution", "bad", "unknown"]
RECONCILE = "account-events reconcile"
ROUNDED = timedelta(milliseconds=1)
"""Athena rounds times to milliseconds, possibly up."""
SYMBOLS: dict[Tone, str] = {"good": "✓", "caution": "!", "bad": "✕", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Badge:
    """The badge.

    Attributes:
        summary: the state, in a few words.
        detail: the explanation.
        advice: the command to run; empty if there is nothing to do.
    """

    tone: Tone
    summary: str
    detail: str
    advice: str = ""

    @property
    def symbol(self) -> str:
        """A symbol for the tone, for readers who do not see its colour."""
        return SYMBOLS[self.tone]


NEVER = Badge(
    "unknown",
    "Never reconciled",
    "This lake has not been compared with the ledger yet, so the figures here are not verified.",
    RECONCILE,
)
UNREADABLE = Badge(
    "unknown",
    "Reconciliation unreadable",
    "The result of the last reconciliation is damaged, or another release wrote it.",
    RECONCILE,
)


def badge(
    result: ReconciliationResult | None,
    newest_occurred_at: datetime | None,
    complete_from: datetime,
    *,
    is_changed: bool = False,
) -> Badge:
    """The badge of a report. Times are UTC without a zone, as in the lake.

    Args:
        result: the last reconciliation's; None if there is none.
        newest_occurred_at: when the newest event in the report occurred; None without events.
        complete_from: a reconciliation that began before this time cannot have compared all events of the report.
        is_changed: whether the files of the report's days have changed since the reconciliation.
    """
    if result is None:
        return NEVER
    compared = f"{count(result.events, 'event')} of {count(result.accounts, 'account')}"
    through, at = _naive(result.through), moment(_naive(result.compared_at))
    until = f"through {moment(through)}"
    if not result.agrees:
        detail = f"{_differences(result)}. Compared: {compared}, {until}, on {at}."
        return Badge("bad", "Differs from the ledger", detail, RECONCILE)
    if newest_occurred_at is not None and newest_occurred_at - ROUNDED > through:
        summary, age = "Reconciliation is older than the data shown", _span(newest_occurred_at - through)
        detail = f"Ledger and lake agreed on {compared}, {until}. That is {age} before the newest event shown here."
    elif is_changed:
        summary = "The lake has changed since it was reconciled"
        detail = (
            f"Ledger and lake agreed on {compared}, {until}. Since then, files of these days were added, removed or "
            "changed."
        )
    elif result.on_their_way:
        summary = f"Reconciled, {count(result.on_their_way, 'event')} on the way"
        detail = f"Ledger and lake agree on {compared}, {until}. On {at}, newer events were not compared yet."
    elif _naive(result.compared_at) < complete_from:
        summary = "Reconciled too early for this day"
        detail = f"Ledger and lake agreed on {compared} on {at}. Later events of the day may be missing."
    else:
        detail = f"Ledger and lake agree on {compared}, {until}; compared on {at}."
        return Badge("good", "Reconciled to the cent", detail)
    return Badge("caution", summary, detail, RECONCILE)


def _differences(result: ReconciliationResult) -> str:
    parts = [
        f"{count(number, what)} {how}"
        for number, what, how in (
            (result.missing, "event", "missing from the lake"),
            (result.extra, "event", "not in the ledger"),
            (result.differing, "event", "with differing fields"),
            (result.contradicting, "event", "with contradicting copies in the lake"),
            (result.unreadable, "event", "unreadable in the ledger"),
            (result.gap, "event", "after a gap in the ledger"),
            (result.unbalanced, "event", "with a wrong balance in the ledger"),
            (result.compacted, "event", "with a wrong row in account_months"),
            (result.unpaired, "transfer", "in the ledger whose events do not agree"),
        )
        if number
    ]
    if result.files.stray:
        parts.append(
            f"{count(result.files.stray, 'file')} in the lake that {_belong(result.files.stray)} to no partition"
        )
    parts += [
        f"{each.currency} {money(abs(each.lake - each.ledger))} too {'much' if each.lake > each.ledger else 'little'}"
        " in the lake"
        for each in result.totals
        if each.lake != each.ledger
    ]
    return "; ".join(parts)


def _belong(number: int) -> str:
    return "belongs" if number == 1 else "belong"


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    for size, unit in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return count(minutes // size, unit)
    return "less than a minute"
