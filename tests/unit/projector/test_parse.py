"""Which stream records are events to publish."""

from copy import deepcopy
from typing import Any

import pytest

from account_core.events import EventRow
from projector.errors import NotATableStream
from projector.parse import Insert, Unreadable, parse
from tests.stream_records import StreamRecord, history, sequence_number, stream_record, stream_records

ROWS = list(history("a", 9))


def spoilt(**image: Any) -> StreamRecord:  # noqa: ANN401 -- DynamoDB's JSON
    record = deepcopy(stream_record(ROWS[1], 0))
    record["dynamodb"]["NewImage"] |= image
    return record


def test_inserted_events_come_out_in_stream_order_under_their_sequence_numbers() -> None:
    events = [row for row in ROWS if isinstance(row, EventRow)]
    assert parse({"Records": stream_records(ROWS)}) == [
        Insert(sequence_number(number), row) for number, row in enumerate(events)
    ]


def test_a_snapshot_is_never_an_event() -> None:
    assert parse({"Records": [stream_record(ROWS[-1], 0)]}) == []


@pytest.mark.parametrize("event_name", ["MODIFY", "REMOVE"])
def test_only_an_insert_is_an_event(event_name: str) -> None:
    assert parse({"Records": [stream_record(ROWS[0], 0, event_name)]}) == []


def test_an_empty_batch_holds_nothing() -> None:
    assert parse({"Records": []}) == []


def whose(records: list[Insert | Unreadable]) -> list[tuple[str, str | None]]:
    return [(each.sequence_number, each.account_id) for each in records if isinstance(each, Unreadable)]


@pytest.mark.parametrize(
    "image",
    [
        {"Type": {"S": "INTEREST"}},
        {"Type": None},
        {"Format": {"N": "3"}},
        {"Amount": {"N": "1.005"}},
        {"Amount": {"N": "NaN"}},
        {"Sequence": {"S": "2"}},
        {"Version": {"N": "10"}},
        {"AccountId": {"S": "b"}},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_is_carried_with_its_account_and_number(image: dict[str, Any]) -> None:
    good = stream_record(ROWS[2], 1)
    unreadable, behind = parse({"Records": [spoilt(**image), good]})
    assert isinstance(unreadable, Unreadable)
    assert (unreadable.sequence_number, unreadable.account_id) == (sequence_number(0), "a")
    assert unreadable.reason
    assert behind == Insert(sequence_number(1), ROWS[2])  # type: ignore[arg-type]  # the third row is an event


@pytest.mark.parametrize("image", [None, "", [], {}])
def test_a_record_without_an_image_is_carried(image: object) -> None:
    record = stream_record(ROWS[0], 0)
    record["dynamodb"]["NewImage"] = image
    assert whose(parse({"Records": [record]})) == [(sequence_number(0), "a")]


def test_without_a_key_the_image_names_the_account() -> None:
    record = spoilt(Type={"S": "INTEREST"})
    del record["dynamodb"]["Keys"]
    assert whose(parse({"Records": [record]})) == [(sequence_number(0), "a")]


def test_where_nothing_names_the_account_it_is_nobody_s() -> None:
    record = spoilt(AccountId={"N": "1"})
    record["dynamodb"]["Keys"] = {"AccountId": {"S": ["a"]}}
    assert whose(parse({"Records": [record]})) == [(sequence_number(0), None)]


def test_the_reason_names_what_is_wrong_and_no_amount() -> None:
    [unreadable] = parse({"Records": [spoilt(Balance={"N": "1234.567"})]})
    assert isinstance(unreadable, Unreadable)
    assert "Balance" in unreadable.reason
    assert "1234" not in unreadable.reason


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"Records": None},
        {"Records": [{"kinesis": {}}]},
        {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": {}}}]},
        {"Records": [{"eventName": "INSERT", "dynamodb": None}]},
    ],
    ids=str,
)
def test_what_is_no_table_stream_fails_as_a_whole(payload: dict[str, Any]) -> None:
    with pytest.raises(NotATableStream):
        parse(payload)
