"""The badge says how far the figures can be relied on, and what to do where they cannot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from ops.lake.reconcile.result import Files, ReconciliationResult, Total
from ops.report.badge import NEVER, Badge, Tone, badge

AT = datetime(2026, 8, 21, 6, 0, tzinfo=UTC)
THROUGH = AT - timedelta(minutes=1)
TOTAL = Total("EUR", Decimal("5.00"), Decimal("5.00"))
SOUND = ReconciliationResult(AT, THROUGH.astimezone(timezone(timedelta(hours=2))), 1_000, 40, totals=(TOTAL,))
SHOWN = THROUGH.replace(tzinfo=None)  # as the lake has it
BEFORE = SHOWN - timedelta(hours=8)
DUE = AT.replace(tzinfo=None)


def test_reconciled() -> None:
    found = badge(SOUND, BEFORE, DUE)
    assert (found.tone, found.symbol, found.says, found.advice) == ("good", "✓", "Reconciled to the cent", "")
    for part in ("1\u202f000 events", "40 accounts", "through 21 Aug 2026, 05:59:00", "compared 21 Aug 2026, 06:00:00"):
        assert part in found.detail


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"missing": 1}, "1 event missing from the lake"),
        ({"extra": 2}, "2 events not in the ledger"),
        ({"differing": 3}, "3 events not the same"),
        ({"contradicting": 1}, "1 event with copies in the lake that contradict each other"),
        ({"unreadable": 1}, "1 event of the ledger unreadable"),
        ({"totals": (replace(TOTAL, ledger=Decimal("1239.50")),)}, "EUR 1\u202f234.50 too little"),
        ({"files": Files(stray=1)}, "1 file in the lake that is no partition's"),
        ({"files": Files(stray=2)}, "2 files in the lake that are no partition's"),
        ({"totals": (replace(TOTAL, lake=Decimal("5.01")),), "missing": 1}, "EUR 0.01 too much"),
    ],
)
def test_it_differs(differs: dict[str, Any], told: str) -> None:
    found = badge(replace(SOUND, **differs), BEFORE, DUE)
    assert (found.tone, found.symbol, found.says) == ("bad", "✕", "Differs from the ledger")
    assert told in found.detail
    assert found.advice == "account-events reconcile"


@pytest.mark.parametrize(
    ("since", "age"),
    [
        (timedelta(seconds=1), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=2, minutes=59), "2 hours"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_the_data_is_newer(since: timedelta, age: str) -> None:
    found = badge(SOUND, SHOWN + since, DUE)
    assert (found.tone, found.symbol, found.says) == ("caution", "!", "Reconciled before the data shown")
    assert f": {age} before the newest event" in found.detail
    assert found.advice


def test_events_are_on_their_way() -> None:
    found = badge(replace(SOUND, on_their_way=5), BEFORE, DUE)
    assert (found.tone, found.says) == ("caution", "Reconciled, 5 events on the way")


def test_the_lake_has_changed_since() -> None:
    found = badge(SOUND, BEFORE, DUE, is_changed=True)
    assert (found.tone, found.says) == ("caution", "The lake has changed since it was reconciled")
    assert "have come, gone or changed since" in found.detail
    assert found.advice
    assert badge(replace(SOUND, missing=1), BEFORE, DUE, is_changed=True).tone == "bad"
    assert badge(SOUND, SHOWN + timedelta(hours=1), DUE, is_changed=True).says == "Reconciled before the data shown"


def test_never() -> None:
    assert badge(None, BEFORE, DUE) == NEVER == badge(None, None, DUE)
    assert (NEVER.tone, NEVER.symbol) == ("unknown", "?")


def test_what_is_shown_is_reconciled_up_to_its_newest_event() -> None:
    assert badge(SOUND, SHOWN, DUE).tone == "good"


@pytest.mark.parametrize("microseconds", [1, 499, 500, 730_954, 999_999])
def test_an_engine_that_rounds_times_shows_no_newer_event(microseconds: int) -> None:
    """Athena's have milliseconds."""
    newest = SHOWN + timedelta(microseconds=microseconds)
    verdict = replace(SOUND, through=newest.replace(tzinfo=UTC))
    rounded = SHOWN + timedelta(milliseconds=round(microseconds / 1000))
    assert badge(verdict, rounded, DUE).tone == "good"


def test_a_difference_outweighs_all_else() -> None:
    assert badge(replace(SOUND, on_their_way=5, missing=1), SHOWN + timedelta(days=1), DUE).tone == "bad"


def test_a_day_without_events_is_reconciled_as_any_other() -> None:
    assert badge(SOUND, None, DUE).tone == "good"


@pytest.mark.parametrize("newest", [None, BEFORE])
def test_who_compared_before_the_day_was_over_does_not_know_of_its_last_events(newest: datetime | None) -> None:
    found = badge(SOUND, newest, DUE + timedelta(microseconds=1))
    assert (found.tone, found.says) == ("caution", "Reconciled too early for this day")
    assert "compared 21 Aug 2026, 06:00:00: later events of the day may be missing" in found.detail
    assert found.advice


def test_no_two_tones_have_one_symbol() -> None:
    tones: tuple[Tone, ...] = ("good", "caution", "bad", "unknown")
    assert len({Badge(tone, "", "").symbol for tone in tones}) == len(tones)
