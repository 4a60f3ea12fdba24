"""Replays of other teams' tables: any key, any handler, with or without Kinesis."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from account_events.testing import (
    BadReplay,
    BadSource,
    Died,
    Settings,
    TableKey,
    TableStream,
    from_export,
    from_lambda_events,
    replay,
    shuffled,
)
from account_events.testing.records import StreamRecord, number_of

ORDERS = TableKey("Customer", "Placed")
ITEMS = [
    {"Customer": {"S": customer}, "Placed": {"N": str(placed)}, "Total": {"N": "5"}}
    for placed in range(1, 7)
    for customer in ("ida", "jo", "kim")
]
STREAM = TableStream.of_images(ITEMS, ORDERS)
NUMBERS = [number_of(record) for record in STREAM.records]
Event = dict[str, Any]


def test_a_stream_and_its_records_have_the_tables_key() -> None:
    assert STREAM.images() == ITEMS
    assert STREAM.records[0]["dynamodb"]["Keys"] == {"Customer": {"S": "ida"}, "Placed": {"N": "1"}}
    children = STREAM.split(3).shards[1:]
    customers = [{record["dynamodb"]["Keys"]["Customer"]["S"] for record in child.records} for child in children]
    assert not customers[0] & customers[1]


def test_a_key_of_two_attributes_must_be_passed_and_one_of_one_need_not() -> None:
    single = from_lambda_events([*TableStream.of_images([{"Id": {"B": "AQ=="}}], TableKey("Id")).records])
    assert single.key == TableKey("Id")
    unnamed = from_lambda_events([*STREAM.records])
    assert unnamed.key is None
    actions: list[Callable[[], TableStream]] = [lambda: unnamed.split(2), lambda: shuffled(unnamed, seed=1)]
    for action in actions:
        with pytest.raises(BadReplay, match="the stream does not know which key attribute is the partition key"):
            action()
    assert from_lambda_events([*STREAM.records], ORDERS).split(3).key == ORDERS


def export_file(path: Path, *items: object) -> Path:
    path.write_bytes(gzip.compress("\n".join(json.dumps({"Item": item}) for item in items).encode()))
    return path


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        ([{"N": "10"}, {"N": "9"}, {"N": "-1.5"}], ["-1.5", "9", "10"]),
        ([{"S": "b"}, {"S": "\U0001f600"}, {"S": "\uffee"}, {"S": "B"}], ["B", "b", "\uffee", "\U0001f600"]),
        ([{"B": "/w=="}, {"B": "AP8="}, {"B": "AA=="}], ["AA==", "AP8=", "/w=="]),
    ],
    ids=["numbers by value", "text by UTF-8 bytes", "binary by bytes"],
)
def test_the_items_of_an_export_are_sorted_by_key(
    values: list[dict[str, str]], ordered: list[str], tmp_path: Path
) -> None:
    items = [{"Customer": {"S": name}, "Placed": value} for value in values for name in ("jo", "ida")]
    stream = from_export(export_file(tmp_path / "a.json.gz", *items), ORDERS)
    keys = [(item["Customer"]["S"], *item["Placed"].values()) for item in stream.images()]
    assert keys == [(name, value) for name in ("ida", "jo") for value in ordered]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([ITEMS[0], {"Customer": {"S": "jo"}, "Placed": {"S": "1"}}], "line 2: .* Placed has type S, but N before"),
        ([ITEMS[0], {**ITEMS[0], "Placed": {"N": "1.0"}}], "line 2: item ida/1.0 appears a second time"),
        ([{"Customer": {"S": "jo"}}], "line 1: .* Placed is missing"),
        ([{**ITEMS[0], "Customer": {"S": ""}}], "line 1: .* Customer is empty"),
        ([{**ITEMS[0], "Placed": {"N": "Infinity"}}], "line 1: .* Placed is not a number"),
        ([{**ITEMS[0], "Placed": {"N": "1_0"}}], "line 1: .* Placed is not a number"),
        ([{**ITEMS[0], "Placed": {"B": "?"}}], "line 1: .* Placed is not a binary value"),
        ([{**ITEMS[0], "Placed": {"BOOL": True}}], "line 1: .* Placed is neither a string"),
    ],
)
def test_an_export_with_an_invalid_or_repeated_key_is_refused(
    items: list[object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadSource, match=message):
        from_export(export_file(tmp_path / "a.json.gz", *items), ORDERS)


def test_records_of_two_tables_are_refused() -> None:
    other = TableStream.of_images([{"Id": {"S": "x"}}], TableKey("Id")).records[0]
    with pytest.raises(BadSource, match=r"not from the table of the first record: its Keys are Id \(S\), not Customer"):
        from_lambda_events([STREAM.records[1], other])


class DurableConsumer:
    """A consumer with durable state: the records that it has handled. `handles` decides whether it handles a record."""

    def __init__(self, handles: Callable[[set[str], str], bool]) -> None:
        self.handles = handles
        self.seen: set[str] = set()
        self.handled: list[str] = []

    def new_handler(self) -> Callable[[Event, Any], None]:
        def handler(event: Event, _: Any) -> None:  # noqa: ANN401 -- Lambda's
            for record in event["Records"]:
                number = record["dynamodb"]["SequenceNumber"]
                if self.handles(self.seen, number):
                    self.seen.add(number)
                    self.handled.append(number)

        return handler


def test_a_handler_that_handles_a_record_twice_is_caught() -> None:
    faults: dict[str, Any] = {"batch_sizes": 4, "duplicates": "all", "overlap": 1, "crash_after_call": [2, 5]}
    correct = DurableConsumer(lambda seen, number: number not in seen)
    done = replay(STREAM, new_handler=correct.new_handler, **faults)
    done.assert_all_acknowledged()
    done.assert_handled(correct.handled, once=True)
    assert [type(error) for error in done.errors] == [Died, Died]
    assert {delivery.environment for delivery in done.deliveries} == {1, 2, 3}
    naive = DurableConsumer(lambda _seen, _number: True)
    done = replay(STREAM, new_handler=naive.new_handler, **faults)
    done.assert_handled(naive.handled)
    with pytest.raises(AssertionError, match=f"handled more than once: {NUMBERS[0]}, "):
        done.assert_handled(naive.handled, once=True)


def test_a_fake_that_raises_died_ends_the_environment() -> None:
    lives: list[int] = []

    def new_handler() -> Callable[[Event, Any], None]:
        lives.append(0)
        life = len(lives)

        def handler(event: Event, _: Any) -> None:  # noqa: ANN401 -- Lambda's
            if life == 1 and event:
                raise Died("in the middle of a write")

        return handler

    done = replay(STREAM, new_handler=new_handler, batch_sizes=10)
    assert [delivery.environment for delivery in done.deliveries] == [1, 2, 2, 2]
    done.assert_all_acknowledged()


def ignore(_event: Event, _context: object) -> None:
    """A handler that does nothing and succeeds."""


def test_a_replay_whose_fault_or_records_never_occur_is_refused() -> None:
    with pytest.raises(BadReplay, match="crash_after_call=9: the handler was called only 2 times"):
        replay(STREAM, new_handler=lambda: ignore, batch_sizes=9, crash_after_call=9)
    with pytest.raises(BadReplay, match="crash_after_call needs new_handler"):
        replay(STREAM, ignore, crash_after_call=1)
    with pytest.raises(BadReplay, match="crash_after_put needs kinesis"):
        replay(STREAM, new_handler=lambda: ignore, crash_after_put=1)
    with pytest.raises(BadReplay, match="there is no call 0 to crash after"):
        replay(STREAM, new_handler=lambda: ignore, crash_after_call=[0])
    with pytest.raises(BadReplay, match="no record reaches the handler: the filters accept none of 18 records"):
        replay(STREAM, ignore, settings=Settings(filter_patterns=['{"eventName": ["REMOVE"]}']))
    with pytest.raises(BadReplay, match="no record reaches the handler: the filters accept none of 0 records"):
        replay([], ignore)


def without_total(record: StreamRecord) -> None:
    del record["dynamodb"]["NewImage"]["Total"]


def test_only_the_poison_is_discarded_and_the_assertion_names_it() -> None:
    def handler(event: Event, _: Any) -> None:  # noqa: ANN401 -- Lambda's
        for record in event["Records"]:
            record["dynamodb"]["NewImage"]["Total"]

    settings = Settings(retries_max=2, discards_allowed=True)
    done = replay(STREAM, handler, batch_sizes=6, poison={7: without_total}, settings=settings)
    assert [number_of(record) for record in done.discarded] == [NUMBERS[7]]
    with pytest.raises(AssertionError, match=f"1 record was never acknowledged: {NUMBERS[7]}"):
        done.assert_all_acknowledged()
    with pytest.raises(AssertionError, match=r"invocation 2 raised KeyError\('Total'\)"):
        done.assert_no_failures()
    done.assert_handled([number for number in NUMBERS if number != NUMBERS[7]], once=True)
    with pytest.raises(AssertionError, match=f"1 record, {NUMBERS[7]}, was discarded without"):
        replay(STREAM, handler, poison={7: without_total}, settings=Settings(retries_max=2))


@pytest.mark.parametrize(
    ("handled", "message"),
    [
        (NUMBERS[1:], f"never handled: {NUMBERS[0]}"),
        ([*NUMBERS, "17"], "handled, but not on the stream: 17"),
        ([NUMBERS[1], NUMBERS[0], *NUMBERS[2:]], f"{NUMBERS[1]} was handled before {NUMBERS[0]}"),
    ],
)
def test_lost_invented_and_out_of_order_effects_are_caught(handled: list[str], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        replay(STREAM, ignore).assert_handled(handled)


def test_a_partial_failure_counts_as_a_failed_invocation() -> None:
    responses = [{"batchItemFailures": [{"itemIdentifier": NUMBERS[2]}]}]
    done = replay(STREAM, lambda _event, _context: responses.pop() if responses else None)
    assert [delivery.acknowledged for delivery in done.deliveries] == [2, 16]
    with pytest.raises(AssertionError, match=r"invocation 1 returned .*itemIdentifier"):
        done.assert_no_failures()
    replay(STREAM, ignore).assert_no_failures()
