"""The badge shows whether the figures are proven and, if not, what to do."""

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
AGREEING = ReconciliationResult(AT, THROUGH.astimezone(timezone(timedelta(hours=2))), 1_000, 40, totals=(TOTAL,))
SHOWN = THROUGH.replace(tzinfo=None)  # as the lake has it
BEFORE = SHOWN - timedelta(hours=8)
COMPLETE_FROM = AT.replace(tzinfo=None)


def test_a_reconciliation_that_agrees_is_good() -> None:
    found = badge(AGREEING, BEFORE, COMPLETE_FROM)
    assert (found.tone, found.symbol, found.summary, found.advice) == ("good", "✓", "Reconciled to the cent", "")
    for part in (
        "1\u202f000 events",
        "40 accounts",
        "through 21 Aug 2026, 05:59:00",
        "compared on 21 Aug 2026, 06:00:00",
    ):
        assert part in found.detail


@pytest.mark.parametrize(
    ("differs", "detail"),
    [
        ({"missing": 1}, "1 event missing from the lake"),
        ({"extra": 2}, "2 events not in the ledger"),
        ({"differing": 3}, "3 events with differing fields"),
        ({"contradicting": 1}, "1 event with contradicting copies in the lake"),
        ({"unreadable": 1}, "1 event unreadable in the ledger"),
        ({"compacted": 1}, "1 event with a wrong row in account_months"),
        ({"unpaired": 1}, "1 transfer in the ledger whose events do not agree"),
        ({"unpaired": 2, "gap": 1}, "1 event after a gap in the ledger; 2 transfers in the ledger whose events"),
        ({"totals": (replace(TOTAL, ledger=Decimal("1239.50")),)}, "EUR 1\u202f234.50 too little"),
        ({"files": Files(stray=1)}, "1 file in the lake that belongs to no partition"),
        ({"files": Files(stray=2)}, "2 files in the lake that belong to no partition"),
        ({"totals": (replace(TOTAL, lake=Decimal("5.01")),), "missing": 1}, "EUR 0.01 too much"),
    ],
)
def test_every_difference_from_the_ledger_is_bad(differs: dict[str, Any], detail: str) -> None:
    found = badge(replace(AGREEING, **differs), BEFORE, COMPLETE_FROM)
    assert (found.tone, found.symbol, found.summary) == ("bad", "✕", "Differs from the ledger")
    assert detail in found.detail
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
def test_data_newer_than_the_reconciliation_needs_caution(since: timedelta, age: str) -> None:
    found = badge(AGREEING, SHOWN + since, COMPLETE_FROM)
    assert (found.tone, found.symbol, found.summary) == ("caution", "!", "Reconciliation is older than the data shown")
    assert f"That is {age} before the newest event" in found.detail
    assert found.advice


def test_events_on_the_way_need_caution() -> None:
    found = badge(replace(AGREEING, on_their_way=5), BEFORE, COMPLETE_FROM)
    assert (found.tone, found.summary) == ("caution", "Reconciled, 5 events on the way")


def test_a_lake_changed_since_the_reconciliation_needs_caution() -> None:
    found = badge(AGREEING, BEFORE, COMPLETE_FROM, is_changed=True)
    assert (found.tone, found.summary) == ("caution", "The lake has changed since it was reconciled")
    assert "Since then, files of these days were added, removed or changed" in found.detail
    assert found.advice
    assert badge(replace(AGREEING, missing=1), BEFORE, COMPLETE_FROM, is_changed=True).tone == "bad"
    assert (
        badge(AGREEING, SHOWN + timedelta(hours=1), COMPLETE_FROM, is_changed=True).summary
        == "Reconciliation is older than the data shown"
    )


def test_without_a_reconciliation_the_tone_is_unknown() -> None:
    assert badge(None, BEFORE, COMPLETE_FROM) == NEVER == badge(None, None, COMPLETE_FROM)
    assert (NEVER.tone, NEVER.symbol) == ("unknown", "?")


def test_data_up_to_the_end_of_the_reconciliation_is_good() -> None:
    assert badge(AGREEING, SHOWN, COMPLETE_FROM).tone == "good"


@pytest.mark.parametrize("microseconds", [1, 499, 500, 730_954, 999_999])
def test_an_engine_that_rounds_times_shows_no_newer_event(microseconds: int) -> None:
    """Athena rounds times to milliseconds."""
    newest = SHOWN + timedelta(microseconds=microseconds)
    result = replace(AGREEING, through=newest.replace(tzinfo=UTC))
    rounded = SHOWN + timedelta(milliseconds=round(microseconds / 1000))
    assert badge(result, rounded, COMPLETE_FROM).tone == "good"


def test_a_difference_outweighs_every_other_result() -> None:
    assert badge(replace(AGREEING, on_their_way=5, missing=1), SHOWN + timedelta(days=1), COMPLETE_FROM).tone == "bad"


def test_a_day_without_events_is_reconciled_as_any_other() -> None:
    assert badge(AGREEING, None, COMPLETE_FROM).tone == "good"


@pytest.mark.parametrize("newest", [None, BEFORE])
def test_a_comparison_before_the_days_end_is_too_early(newest: datetime | None) -> None:
    found = badge(AGREEING, newest, COMPLETE_FROM + timedelta(microseconds=1))
    assert (found.tone, found.summary) == ("caution", "Reconciled too early for this day")
    assert "on 21 Aug 2026, 06:00:00. Later events of the day may be missing" in found.detail
    assert found.advice


def test_each_tone_has_its_own_symbol() -> None:
    tones: tuple[Tone, ...] = ("good", "caution", "bad", "unknown")
    assert len({Badge(tone, "", "").symbol for tone in tones}) == len(tones)
