"""Stream records become events to publish, or Poison."""

from copy import deepcopy
from typing import Any

import pytest

from account_core.domain.events import EventRow
from account_core.rows.items import VERSION_MAX, sequence_from, to_item, version_in
from account_events.testing.records import StreamRecord, sequence_number
from projector.errors import NotATableStream
from projector.outgoing import REASON_LENGTH_MAX, Arrival, Outgoing, Poison, is_stray, outgoing
from projector.parse import NO_ROW, parse, read_events
from tests.support.rows import history, stream_record, stream_records
from tests.support.spellings import OTHER_NUMBERS

ROWS = list(history("a", 9))
EVENTS = [row for row in ROWS if isinstance(row, EventRow)]


def spoilt(**image: Any) -> StreamRecord:  # noqa: ANN401 -- DynamoDB's JSON
    record = deepcopy(stream_record(ROWS[1], 0))
    record["dynamodb"]["NewImage"] |= image
    return record


def arrivals(*records: StreamRecord) -> list[Arrival]:
    return [arrival for mine in parse({"Records": records}).arrivals.values() for arrival in mine]


def test_events_are_grouped_by_account_in_stream_order() -> None:
    others = [row for row in history("b", 2) if isinstance(row, EventRow)]
    batch = parse({"Records": stream_records([EVENTS[0], others[0], EVENTS[1], others[1]])})
    assert batch.numbers == [sequence_number(number) for number in range(4)]
    assert batch.arrivals == {
        "a": [outgoing(EVENTS[0], 0), outgoing(EVENTS[1], 2)],
        "b": [outgoing(others[0], 1), outgoing(others[1], 3)],
    }
    assert batch.unreadable is None


def test_a_snapshot_is_never_an_event() -> None:
    assert arrivals(stream_record(ROWS[-1], 0)) == []


@pytest.mark.parametrize("event_name", ["MODIFY", "REMOVE"])
def test_only_an_insert_is_an_event(event_name: str) -> None:
    assert arrivals(stream_record(ROWS[0], 0, event_name)) == []


def test_an_empty_batch_has_no_events() -> None:
    assert parse({"Records": []}).arrivals == {}


@pytest.mark.parametrize(
    "image",
    [
        {"Type": {"S": "INTEREST"}},
        {"Type": {"S": "SNAPSHOT"}},
        {"Type": None},
        {"Format": {"N": "4"}},
        {"Amount": {"N": "1.005"}},
        {"Amount": {"N": "NaN"}},
        {"Amount": {"N": "0"}},
        {"Sequence": {"S": "2"}},
        {"Version": {"N": "10"}},
        {"AccountId": {"S": "b"}},
        {"Timestamp": {"S": "yesterday"}},
        {"CorrelationId": {"S": "\ud800"}},
        {"CorrelationId": {"S": "c" * 1024 * 1024}},
    ],
    ids=lambda image: str(image)[:40],
)
def test_a_row_that_cannot_become_an_event_is_poison(image: dict[str, Any]) -> None:
    poison, later = arrivals(spoilt(**image), stream_record(ROWS[2], 1))
    assert isinstance(poison, Poison)
    assert (poison.account_id, poison.sequence, poison.version, poison.position) == ("a", 2, 2, 0)
    assert poison.reason
    assert isinstance(later, Outgoing)


@pytest.mark.parametrize("image", [None, "", [], {}])
def test_a_record_without_an_image_is_poison(image: object) -> None:
    record = stream_record(ROWS[0], 0)
    record["dynamodb"]["NewImage"] = image
    [poison] = arrivals(record)
    assert isinstance(poison, Poison)


def test_another_row_in_a_snapshots_place_is_poison() -> None:
    record = stream_record(ROWS[-1], 0)
    record["dynamodb"]["NewImage"] = record["dynamodb"]["NewImage"] | {"Type": {"S": "CREDIT"}}
    [poison] = arrivals(record)
    assert isinstance(poison, Poison)
    assert (poison.sequence, poison.version) == (10, 10)


@pytest.mark.parametrize("number", ["-1", "1.5", "x", "02", "1E+1", "9" * 5_000, *OTHER_NUMBERS])
def test_a_row_with_an_invalid_version_is_poison_from_sequence_1(number: str) -> None:
    record = stream_record(ROWS[1], 1)
    record["dynamodb"]["Keys"] = {"AccountId": {"S": "a"}, "Version": {"N": number}}
    [poison] = arrivals(record)
    assert isinstance(poison, Poison)
    assert (poison.account_id, poison.sequence, poison.version) == ("a", 1, 0)


@pytest.mark.parametrize("keys", [None, {}, {"AccountId": {"S": ["a"]}}])
def test_no_record_is_read_after_one_without_an_account(keys: object) -> None:
    record = stream_record(ROWS[1], 1)
    record["dynamodb"]["Keys"] = keys
    batch = parse({"Records": [stream_record(ROWS[0], 0), record, stream_record(ROWS[2], 2)]})
    assert batch.unreadable == 1
    assert batch.arrivals == {"a": [outgoing(EVENTS[0], 0)]}


def test_the_reason_names_the_attribute_and_no_amount() -> None:
    [poison] = arrivals(spoilt(Balance={"N": "1234.567"}))
    assert isinstance(poison, Poison)
    assert "Balance" in poison.reason
    assert "1234" not in poison.reason


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
def test_a_payload_that_is_not_a_table_stream_fails_as_a_whole(payload: dict[str, Any]) -> None:
    with pytest.raises(NotATableStream):
        parse(payload)


def test_events_from_the_table_end_with_the_first_poison() -> None:
    images = {row.version: to_item(row) for row in history("a", 20)}
    assert [one.sequence for one in read_events(images, "a", 8, 12, 3)] == [8, 9, 10, 11, 12]
    images[11]["Type"] = {"S": "INTEREST"}
    *good, poison = read_events(images, "a", 8, 12, 3)
    assert [one.sequence for one in good] == [8, 9]
    assert isinstance(poison, Poison)
    assert (poison.sequence, poison.version, poison.position) == (10, 11, 3)
    del images[9]
    *good, poison = read_events(images, "a", 8, 12, 3)
    assert (len(good), poison) == (1, Poison("a", 9, 9, NO_ROW, 3))


@pytest.mark.parametrize(
    "version",
    ["1" + "0" * 40, "9" * 39, "9" * 19, "9" * 5_000, "1E+40", "5.5", "-1", "\u0663", ""],
    ids=lambda text: text[:9],
)
@pytest.mark.parametrize("kind", ["CREDIT", "SNAPSHOT"])
def test_a_key_with_an_impossible_version_is_a_stray_row(version: str, kind: str) -> None:
    """No sequence is derived from it. DynamoDB numbers have 38 digits; Python reads thousands."""
    key = {"AccountId": {"S": "a"}, "Version": {"N": version}}
    record = spoilt(**key, Type={"S": kind})
    record["dynamodb"]["Keys"] = key
    [poison] = arrivals(record)
    assert isinstance(poison, Poison)
    assert is_stray(poison)
    assert (poison.sequence, poison.reason) == (1, "its key has no valid version")


def test_an_image_with_thousands_of_digits_is_poison() -> None:
    [poison] = arrivals(spoilt(Version={"N": "9" * 5_000}, Type={"S": "SNAPSHOT"}))
    assert isinstance(poison, Poison)
    assert (poison.sequence, poison.version) == (2, 2)


def test_the_highest_possible_version_is_read() -> None:
    assert (version_in(str(VERSION_MAX)), version_in(str(VERSION_MAX + 1))) == (VERSION_MAX, None)
    assert sequence_from(VERSION_MAX) < 2**63


def test_a_reason_is_short_and_valid_text() -> None:
    [poison] = arrivals(spoilt(Type={"S": "\ud800" * 100_000}))
    assert isinstance(poison, Poison)
    assert len(poison.reason.encode()) <= REASON_LENGTH_MAX
