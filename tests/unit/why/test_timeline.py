"""The timeline of an event."""

from dataclasses import replace
from datetime import timedelta

from account_events.consumer.position import Position
from ops.why.facts import Facts
from ops.why.timeline import Hop, line_of, timeline
from tests.unit.why.given import (
    AT,
    EVERYWHERE,
    FILE,
    KEY,
    NOW,
    RECORD,
    REQUEST,
    ROW,
    only_written,
    parked_at,
    stored,
    without,
)


def hop(facts: Facts, where: str) -> Hop:
    """The only hop of this name."""
    [found] = [each for each in timeline(facts) if each.where == where]
    return found


def test_the_hops_are_in_order_of_time_with_the_delay_of_each() -> None:
    hops = timeline(EVERYWHERE)
    assert [(each.where, each.after_s) for each in hops] == [
        ("table", None),
        ("request", 0.04),
        ("event stream", 0.96),
        ("inbox", None),
        ("read model", None),
        ("lake", 299.0),
    ]
    assert all(each.is_reached for each in hops)


def test_a_time_without_a_fraction_of_a_second_does_not_change_the_path() -> None:
    at = AT + timedelta(milliseconds=800)
    row = replace(ROW, at=at)
    parking = replace(parked_at(3), at=f"{AT.isoformat()}")
    hops = timeline(only_written(row=row, parked=parking))
    assert [(each.where, each.after_s) for each in hops] == [("request", None), ("table", None), ("projector", 0.0)]
    arrived = replace(RECORD, arrived_at=at)
    lake = replace(FILE, written_at=AT)
    delivered = without(row=row, requests=(), on_stream=arrived, in_lake=lake)
    assert [each.where for each in timeline(delivered)][-1] == "lake"


def test_a_hop_without_a_time_follows_the_request_but_no_repetition() -> None:
    again = replace(REQUEST, at=NOW, request_id="r-2", is_replay=True)
    hops = timeline(only_written(requests=(REQUEST, again)))
    assert [each.where for each in hops] == ["table", "request", "projector", "request"]


def test_each_hop_has_its_position() -> None:
    assert hop(EVERYWHERE, "table").what == "CREDIT, version 3, sequence 3"
    assert hop(EVERYWHERE, "event stream").what == "shard-0, sequence number 4961"
    assert FILE.file in hop(EVERYWHERE, "lake").what
    request = hop(EVERYWHERE, "request").what
    assert request == "credit answered 200; request id r-1, correlation id c-1, idempotency key k-1"


def test_a_repetition_follows_the_event_at_its_own_time() -> None:
    again = replace(REQUEST, at=NOW, request_id="r-2", is_replay=True)
    requests = [each for each in timeline(without(requests=(REQUEST, again))) if each.where == "request"]
    assert [each.at for each in requests] == [REQUEST.at, NOW]
    assert "a repetition that returned the stored event" in requests[1].what


def test_a_request_whose_line_is_missing_is_still_named() -> None:
    found = hop(without(requests=()), "request")
    assert (found.is_reached, found.at) == (False, None)
    assert "r-1" in found.what


def test_a_parked_event_ends_at_the_projector() -> None:
    hops = timeline(only_written(parked=parked_at(2)))
    assert [each.where for each in hops][-1] == "projector"
    assert hops[-1].what == "the account is parked at event 2: unknown type 'INTEREST'"
    assert not hops[-1].is_reached


def test_a_rebuilt_read_model_is_shown_although_the_event_is_not_published() -> None:
    rebuilt = only_written(position=Position(last=3, seen=3), applied=3, is_not_on_stream=True)
    assert hop(rebuilt, "projector").what == "not published"
    assert hop(rebuilt, "read model").is_reached
    assert not rebuilt.is_everywhere


def test_a_row_that_lambda_discarded_has_the_objects_url_and_time() -> None:
    found = hop(only_written(discarded=stored("s3://f/1")), "projector")
    assert (found.at, found.is_reached) == (AT + timedelta(minutes=2), False)
    assert "s3://f/1" in found.what


def test_a_buffered_event_names_the_event_that_its_account_waits_for() -> None:
    position = Position(last=1, buffered={3: b"x"}, seen=3, since_s=NOW.timestamp())
    found = hop(without(applied=1, position=position), "inbox")
    assert (found.at, found.is_reached) == (NOW, False)
    assert found.what == "buffered at position 1; the account waits for event 2"


def test_a_published_event_whose_record_has_expired_keeps_its_hop() -> None:
    found = hop(without(on_stream=None), "event stream")
    assert found.at == FILE.published_at
    assert "the stream no longer has it" in found.what


def test_an_event_in_errors_names_the_object_and_the_reason() -> None:
    found = hop(without(in_lake=None, in_errors=stored("s3://l/errors/1", "OutsidePartitions")), "lake")
    assert found.what == "refused, kept in s3://l/errors/1: OutsidePartitions"


def test_a_row_that_cannot_be_read_names_the_reason() -> None:
    facts = only_written(row=replace(ROW, problem="unknown type 'INTEREST'"))
    assert hop(facts, "table").what.endswith("It cannot be read: unknown type 'INTEREST'")


def test_a_missing_row_and_unread_sources_are_named() -> None:
    facts = Facts(KEY, AT, (REQUEST,), read_model_unread="denied", lake_unread="slow", stream_unread="late")
    assert [(each.where, each.is_reached) for each in timeline(facts)] == [
        ("request", True),
        ("table", False),
        ("read model", False),
        ("lake", False),
    ]


def test_no_line_has_an_amount_or_an_owner() -> None:
    assert "amount" not in line_of(REQUEST)
    assert not {"amount", "balance", "owner"} & {name for name in dir(ROW) if not name.startswith("_")}
