"""The reconciliation badge: whether what the report shows can be relied on, in a colour, a symbol and words. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ops.lake.reconcile.result import ReconciliationResult
from ops.report.amounts import count, moment, money

Tone = Literal["good", "caution", "bad", "unknown"]
RECONCILE = "account-events reconcile"
ROUNDED = timedelta(milliseconds=1)
"""Athena rounds times to milliseconds, up as well."""
SYMBOLS: dict[Tone, str] = {"good": "✓", "caution": "!", "bad": "✕", "unknown": "?"}


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
    RECONCILE,
)
UNREADABLE = Badge(
    "unknown",
    "Reconciliation unreadable",
    "The verdict of the last reconciliation was written by another release, or is damaged.",
    RECONCILE,
)


def badge(
    verdict: ReconciliationResult | None,
    newest_occurred_at: datetime | None,
    due: datetime,
    *,
    is_changed: bool = False,
) -> Badge:
    """What to say on a report. Times are in UTC, without saying so, as the lake has them.

    Args:
        verdict: the last; None if there is none.
        newest_occurred_at: the newest event that is shown; None if there is none.
        due: who compared earlier cannot know of all the events that the report has to show.
        is_changed: whether the files of the days that the report is about are others than were compared.
    """
    if verdict is None:
        return NEVER
    compared = f"{count(verdict.events, 'event')} of {count(verdict.accounts, 'account')}"
    through, at = _naive(verdict.through), moment(_naive(verdict.compared_at))
    until = f"through {moment(through)}"
    if not verdict.is_sound:
        detail = f"{_differences(verdict)}. Of {compared}, {until}; compared {at}."
        return Badge("bad", "Differs from the ledger", detail, RECONCILE)
    if newest_occurred_at is not None and newest_occurred_at - ROUNDED > through:
        says, age = "Reconciled before the data shown", _span(newest_occurred_at - through)
        detail = f"Ledger and lake agreed {until}, on {compared}: {age} before the newest event shown here."
    elif is_changed:
        says = "The lake has changed since it was reconciled"
        detail = f"Ledger and lake agreed on {compared}, {until}. Files of these days have come, gone or changed since."
    elif verdict.on_their_way:
        says = f"Reconciled, {count(verdict.on_their_way, 'event')} on the way"
        detail = f"Ledger and lake agree on {compared}, {until}; the rest was too young to be in the lake yet, {at}."
    elif _naive(verdict.compared_at) < due:
        says = "Reconciled too early for this day"
        detail = f"Ledger and lake agreed on {compared}; compared {at}: later events of the day may be missing."
    else:
        detail = f"Ledger and lake agree on every one of {compared}, {until}; compared {at}."
        return Badge("good", "Reconciled to the cent", detail)
    return Badge("caution", says, detail, RECONCILE)


def _differences(verdict: ReconciliationResult) -> str:
    parts = [
        f"{count(number, 'event')} {how}"
        for number, how in (
            (verdict.missing, "missing from the lake"),
            (verdict.extra, "not in the ledger"),
            (verdict.differing, "not the same"),
            (verdict.contradicting, "with copies in the lake that contradict each other"),
            (verdict.unreadable, "of the ledger unreadable"),
        )
        if number
    ]
    if verdict.files.stray:
        parts.append(
            f"{count(verdict.files.stray, 'file')} in the lake that {_are(verdict.files.stray)} no partition's"
        )
    parts += [
        f"{each.currency} {money(abs(each.lake - each.ledger))} too {'much' if each.lake > each.ledger else 'little'}"
        for each in verdict.totals
        if each.lake != each.ledger
    ]
    return "; ".join(parts)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    for size, unit in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return count(minutes // size, unit)
    return "less than a minute"
