"""Which rows of an account follow from its published events and are missing."""

from dataclasses import replace
from decimal import Decimal

import pytest

from account_core.domain.events import EventRow, IgnoredSnapshot, Row
from account_core.service.head import Head, advance
from ops.restore.missing_rows import Missing, missing_rows
from tests.support.ledger_and_lake import history

ROWS = history("a", *["1.00"] * 29)
EVENTS = [row for row in ROWS if isinstance(row, EventRow)]
BY_VERSION = {row.version: row for row in ROWS}


def head_of(events: int) -> Head:
    head = Head()
    for event in EVENTS[:events]:
        head = advance(head, event)
    return head


def without(*versions: int) -> dict[int, Row]:
    return {version: row for version, row in BY_VERSION.items() if version not in versions}


def stored_through(version: int) -> dict[int, Row]:
    return {each: row for each, row in BY_VERSION.items() if each <= version}


def versions(missing: Missing) -> list[int]:
    assert not missing.finding
    assert [BY_VERSION[row.version] for row in missing.rows] == missing.rows
    return [row.version for row in missing.rows]


def test_a_complete_account_lacks_nothing() -> None:
    assert missing_rows(Head(), BY_VERSION, EVENTS) == Missing()


@pytest.mark.parametrize("last", range(len(ROWS)))
def test_every_later_row_is_put_back_with_its_snapshots(last: int) -> None:
    assert versions(missing_rows(Head(), stored_through(last), EVENTS)) == list(range(last + 1, len(ROWS) + 1))


@pytest.mark.parametrize("gone", [(9,), (10,), (9, 10), (1,), (5, 6, 20), (29, 30)])
def test_rows_missing_among_others_are_put_back(gone: tuple[int, ...]) -> None:
    assert versions(missing_rows(Head(), without(*gone), EVENTS)) == list(gone)


def test_the_snapshot_before_the_first_published_event_is_put_back() -> None:
    assert versions(missing_rows(head_of(9), stored_through(9), EVENTS[9:12])) == [10, 11, 12, 13]


def test_nothing_published_means_nothing_to_put_back() -> None:
    assert missing_rows(head_of(9), stored_through(9), []) == Missing()


def test_a_snapshot_that_cannot_be_used_counts_as_stored() -> None:
    ignored = {**BY_VERSION, 10: IgnoredSnapshot("a", 10, "its digest is wrong", is_damaged=True)}
    assert missing_rows(Head(), ignored, EVENTS) == Missing()


@pytest.mark.parametrize(("first", "gap"), [(7, "event 6 is"), (8, "events 6 to 7 are"), (9, "events 6 to 8 are")])
def test_a_gap_ends_the_account(first: int, gap: str) -> None:
    missing = missing_rows(head_of(5), stored_through(5), EVENTS[first - 1 :])
    assert missing == Missing([], f"{gap} neither in the table nor published, but event {first} exists")


def test_a_gap_keeps_the_rows_before_it() -> None:
    missing = missing_rows(head_of(5), stored_through(5), [*EVENTS[5:7], *EVENTS[9:]])
    assert [row.version for row in missing.rows] == [6, 7]
    assert missing.finding.startswith("events 8 to 9 are neither in the table nor published")


def test_stored_rows_fill_the_gaps_between_published_events() -> None:
    missing = missing_rows(head_of(5), without(8, 13, 15), [EVENTS[5], EVENTS[7], EVENTS[11], EVENTS[13]])
    assert versions(missing) == [8, 13, 15]


def test_an_event_that_differs_from_its_row_ends_the_account() -> None:
    changed = replace(EVENTS[4], correlation_id="another")
    missing = missing_rows(Head(), stored_through(8), [*EVENTS[:4], changed, *EVENTS[5:]])
    assert missing == Missing([], "event 5 was published with values that differ from its row")


def test_an_event_whose_balance_does_not_follow_is_not_put_back() -> None:
    forged = replace(EVENTS[5], balance=Decimal("999.00"))
    missing = missing_rows(head_of(5), stored_through(5), [forged, *EVENTS[6:]])
    assert missing.rows == []
    assert missing.finding.startswith(
        "event 6 was published, but cannot follow the rows before it: row a/6: its balance"
    )
