"""Where an event waits, and the command that helps."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from account_events.consumer.position import Position
from ops.doctor.checks.mappings import DISABLED
from ops.why.diagnosis import diagnosis, diagnosis_of
from ops.why.facts import Facts, InLake
from tests.unit.why.given import (
    AROUND,
    AT,
    EVERYWHERE,
    FILE,
    NOW,
    RECORD,
    REQUEST,
    found,
    only_written,
    parked_at,
    stored,
    without,
)

STACK = "--stack bank"
REPLAY = f"account-events replay --account a-1 --to-stream events --live {STACK}"
REBUILD = f"account-events owners rebuild a-1 {STACK}"
RELEASE = f"account-events release a-1 {STACK}"
FAILURES = f"account-events release --failures {STACK}"
AGAIN = f"account-events why a-1:3 {STACK}"
SECONDS = timedelta(seconds=5)
NOT_RECEIVED = Position(last=2, seen=2)
BEHIND_A_GAP = Position(last=1, buffered={3: b"x"}, seen=3, since_s=AT.timestamp())
REBUILT: dict[str, Any] = {
    "position": Position(last=3, seen=3),
    "applied": 3,
    "in_lake": InLake("events/backfill.parquet", None),
    "is_not_on_stream": True,
}
"""What `owners rebuild` and `lake backfill` leave of an event that was not published."""
STOPPED = DISABLED.at("ProjectorMapping", "It is disabled.", "aws enable")


def test_an_event_that_is_everywhere_waits_for_nothing() -> None:
    assert diagnosis(EVERYWHERE, AROUND) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (only_written(SECONDS), ("on-its-way", "projector", AGAIN)),
        (only_written(), ("not-published", "projector", "aws logs tail /projector --since 15m")),
        (only_written(parked=parked_at(3)), ("parked", "parked accounts", RELEASE)),
        (only_written(parked=parked_at(2)), ("behind-parked", "parked accounts", RELEASE)),
        (only_written(SECONDS, parked=parked_at(4)), ("on-its-way", "projector", AGAIN)),
        (only_written(discarded=stored("s3://f/1")), ("discarded", "projector's failure bucket", FAILURES)),
        (only_written(timedelta(hours=25)), ("expired", "table", REPLAY)),
        (only_written(timedelta(days=30)), ("expired", "table", REPLAY)),
        (only_written(occurred_at=None), ("expired", "table", REPLAY)),
        (only_written(stream_unread="denied"), ("check-incomplete", "event stream", AGAIN)),
        (only_written(**REBUILT), ("not-published", "projector", "aws logs tail /projector --since 15m")),
        (only_written(**REBUILT, parked=parked_at(3)), ("parked", "parked accounts", RELEASE)),
        (only_written(timedelta(hours=25), **REBUILT), ("expired", "table", REPLAY)),
        (
            without(row=None, on_stream=None, in_lake=None, applied=2, position=NOT_RECEIVED),
            ("row-missing", "table", f"account-events restore rows bank-copy a-1 --write {STACK}"),
        ),
        (without(row=None), ("row-missing", "table", f"account-events restore rows bank-copy a-1 --write {STACK}")),
    ],
)
def test_an_unpublished_event_waits_before_the_stream(facts: Facts, expected: tuple[str, str, str]) -> None:
    assert found(facts) == [expected]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (without(applied=2), ("not-applied", "read model", REBUILD)),
        (without(applied=1, position=BEHIND_A_GAP), ("waits-for-gap", "read model's inbox", REPLAY)),
        (
            without(applied=1, position=replace(BEHIND_A_GAP, since_s=NOW.timestamp() - 5)),
            ("on-its-way", "read model's inbox", AGAIN),
        ),
        (
            without(applied=1, position=BEHIND_A_GAP, parked=parked_at(2)),
            ("waits-for-gap", "read model's inbox", RELEASE),
        ),
        (
            without(applied=1, position=BEHIND_A_GAP, gap_discarded=stored("s3://f/2")),
            ("waits-for-gap", "read model's inbox", FAILURES),
        ),
        (
            without(applied=2, position=replace(BEHIND_A_GAP, last=2)),
            ("refused-by-read-model", "read model's inbox", REBUILD),
        ),
        (
            without(applied=2, position=NOT_RECEIVED, consumer_discarded=stored("s3://c/1")),
            ("refused-by-read-model", "consumers' failure bucket", REBUILD),
        ),
        (without(applied=2, position=NOT_RECEIVED), ("not-applied", "read model", REBUILD)),
        (
            without(applied=2, position=NOT_RECEIVED, on_stream=replace(RECORD, arrived_at=NOW - SECONDS)),
            ("on-its-way", "read model", AGAIN),
        ),
        (
            without(applied=2, position=NOT_RECEIVED, on_stream=replace(RECORD, arrived_at=NOW - timedelta(days=8))),
            ("not-applied", "read model", REBUILD),
        ),
        (without(applied=0, read_model_unread="denied"), ("check-incomplete", "read model", AGAIN)),
    ],
)
def test_a_published_event_waits_for_the_read_model(facts: Facts, expected: tuple[str, str, str]) -> None:
    assert found(facts) == [expected]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (without(in_lake=None), ("not-in-lake", "lake", f"account-events lake backfill a-1 {STACK}")),
        (
            without(in_lake=None, in_errors=stored("s3://l/errors/processing-failed/1", "refused")),
            ("in-errors", "lake's errors/", f"account-events lake redrive {STACK}"),
        ),
        (without(in_lake=None, lake_unread="denied"), ("check-incomplete", "lake", AGAIN)),
        (
            without(in_lake=None, on_stream=replace(RECORD, arrived_at=NOW - SECONDS)),
            ("on-its-way", "lake", AGAIN),
        ),
    ],
)
def test_a_published_event_waits_for_the_lake(facts: Facts, expected: tuple[str, str, str]) -> None:
    assert found(facts) == [expected]


def test_an_event_in_the_lake_waits_no_more_although_a_copy_is_in_errors() -> None:
    assert diagnosis(without(in_errors=stored("s3://l/errors/1")), AROUND) == []


def test_errors_of_the_conversion_have_a_runbook_entry_of_their_own() -> None:
    failed = {name: stored(f"s3://l/errors/{name}/1") for name in ("processing-failed", "format-conversion-failed")}
    entries = [diagnosis(without(in_lake=None, in_errors=each), AROUND)[0].runbook for each in failed.values()]
    assert entries == ["lakerefuses", "lakeconversionfails"]


@pytest.mark.parametrize(
    ("part", "facts"),
    [
        ("table", only_written()),
        ("read model", without(applied=2, position=NOT_RECEIVED)),
        ("lake", without(in_lake=None)),
    ],
)
def test_what_stands_still_is_named_with_its_repair(part: str, facts: Facts) -> None:
    assert diagnosis(facts, replace(AROUND, standstills={part: STOPPED})) == [STOPPED]
    others = {name: STOPPED for name in ("table", "read model", "lake") if name != part}
    assert STOPPED not in diagnosis(facts, replace(AROUND, standstills=others))


def test_a_row_that_expired_while_the_mapping_stood_needs_both_commands() -> None:
    stopped = replace(AROUND, standstills={"table": STOPPED})
    assert found(only_written(timedelta(hours=30)), stopped) == [
        ("mapping-disabled", "ProjectorMapping", "aws enable"),
        ("expired", "table", REPLAY),
    ]


def test_an_old_event_is_published_again_if_the_stream_is_unread() -> None:
    old = only_written(timedelta(hours=30), stream_unread="denied")
    assert found(old) == [("expired", "table", REPLAY)]
    stopped = replace(AROUND, standstills={"read model": STOPPED})
    assert found(old, stopped) == [("check-incomplete", "event stream", AGAIN)]


@pytest.mark.parametrize(
    "known", [{"stream_unread": "denied", "age": timedelta(hours=30)}, {"age": timedelta(days=30)}]
)
def test_an_old_event_is_not_lost_because_the_read_model_is_unread(known: dict[str, Any]) -> None:
    """It may have been published: neither the stream nor the read model shows that it was not."""
    facts = only_written(read_model_unread="refused", position=Position(), applied=0, **known)
    assert found(facts) == [("check-incomplete", "event stream", AGAIN)]


def test_an_age_is_never_negative() -> None:
    later = only_written(-SECONDS)
    assert diagnosis(later, AROUND)[0].what == "It was written 0 s ago and is on its way to the event stream."


def test_an_event_may_wait_for_the_read_model_and_the_lake() -> None:
    facts = without(applied=2, position=NOT_RECEIVED, in_lake=None)
    assert [kind for kind, _, _ in found(facts)] == ["not-applied", "not-in-lake"]


@pytest.mark.parametrize(
    "known",
    [
        {"on_stream": RECORD},
        {"in_lake": FILE},
        {"in_errors": stored("s3://l/errors/1")},
        {"consumer_discarded": stored("s3://c/1")},
        {"applied": 3},
        {"position": Position(last=3, seen=3)},
        {"position": Position(last=1, buffered={3: b"x"}, seen=3, since_s=0.0)},
    ],
)
def test_each_sign_of_a_copy_on_the_stream_shows_that_it_was_published(known: dict[str, Any]) -> None:
    assert only_written(**known).is_published


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"in_lake": InLake("events/backfill.parquet", None)},
        {"position": Position(last=1, buffered={4: b"x"}, seen=4, since_s=0.0)},
        {"discarded": stored("s3://f/1")},
        {"parked": parked_at(3)},
    ],
)
def test_other_signs_do_not_show_that_it_was_published(known: dict[str, Any]) -> None:
    assert not only_written(**known).is_published


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(422, "insufficient_funds", "refused"), (409, "conflict", "refused"), (503, "unavailable", "outcome-unknown")],
)
def test_a_request_without_an_event_was_refused_or_failed(status: int, code: str, kind: str) -> None:
    finding = diagnosis_of(replace(REQUEST, status=status, code=code, sequence=None), AROUND)
    assert finding is not None
    assert (finding.kind, finding.where) == (kind, "request")
    assert f"{status} {code}" in finding.what
    assert finding.look == f"account-events why a-1 {STACK}"


def test_an_answered_read_has_no_finding() -> None:
    assert diagnosis_of(replace(REQUEST, operation="read_account"), AROUND) is None


def test_a_read_that_failed_has_no_outcome_to_look_for() -> None:
    assert diagnosis_of(replace(REQUEST, operation="read_account", status=503, sequence=None), AROUND) is None
