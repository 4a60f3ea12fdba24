"""Accounts whose records were discarded: objects of the failure bucket, and the accounts' release."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from account_events.lambda_mapping.destination import invocation_record
from account_events.lambda_mapping.records import StreamRecord as ShardRecord
from account_events.lambda_mapping.shard import Condition, Discard
from account_events.testing.records import StreamRecord
from ops.recovery.failures import OBJECT_BYTES_MAX, DiscardedBatch, FailureBucket, FailureReleaser, Span, read_batch
from ops.recovery.release import Released, Releaser
from projector.errors import Unavailable
from projector.parking import Parked
from projector.parse import NO_ROW
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_record
from tests.unit.event_source_mapping.given import NOW_S, config

NOW = "2026-02-01T00:00:00+00:00"


def records(account_id: str, first: int, last: int) -> list[StreamRecord]:
    return [stream_record(row, row.version) for row in history(account_id, last) if row.sequence >= first]


def body(batch: Iterable[StreamRecord]) -> bytes:
    """An invocation record as the fake event source mapping writes it."""
    discard = Discard(
        tuple(ShardRecord.of(record) for record in batch), Condition.RETRY_ATTEMPTS_EXHAUSTED, invoke_count=3, last=None
    )
    return json.dumps(invocation_record(config(), "shardId-1", discard, now_s=NOW_S, with_payload=True)).encode()


def read(content: bytes, key: str = "1") -> DiscardedBatch:
    return read_batch(f"s3://failures/{key}", key, content)


class Stack:
    """Accounts a and b with 25 events each in the table, and a failure bucket."""

    def __init__(self, *objects: DiscardedBatch) -> None:
        self.projector = MemoryProjector()
        self.parking = self.projector.parking
        for account_id in "ab":
            self.projector.ledger.put(record["dynamodb"]["NewImage"] for record in records(account_id, 1, 25))
        self.objects = {each.key: each for each in objects}

    def newest(self, account_id: str) -> int:
        return max((version - version // 10 for version in self.projector.ledger.rows.get(account_id, ())), default=0)

    def release(self) -> list[Released]:
        publisher, clock = self.projector.publisher, self.projector.kinesis.clock
        releaser = Releaser(self.parking, self.projector.ledger, publisher, clock=clock, page_events=4)
        failures = FailureReleaser(
            self.parking, self.newest, releaser, now=lambda: NOW, delete=self.objects.__delitem__
        )
        return list(failures.release(list(self.objects.values())))

    def on_stream(self, account_id: str) -> list[int]:
        events = self.projector.kinesis.events()
        return [event.fields["sequence"] for event in events if event.fields["account_id"] == account_id]


def test_an_object_has_the_lowest_and_highest_event_per_account() -> None:
    batch = [*records("a", 7, 12), *records("b", 1, 1), *reversed(records("a", 5, 5))]
    assert read(body(batch)).accounts == {"a": Span(5, 12), "b": Span(1, 1)}
    assert read(body(batch)).problem == ""


def test_the_payload_may_be_an_object_instead_of_a_string() -> None:
    content = json.dumps({"payload": {"Records": records("a", 2, 3)}}).encode()
    assert read(content).accounts == {"a": Span(2, 3)}


def test_a_row_without_an_event_is_identified_by_its_key() -> None:
    [wrong] = records("a", 4, 4)
    wrong["dynamodb"]["NewImage"] = {"Type": {"S": "INTEREST"}}
    assert read(body([wrong])).accounts == {"a": Span(4, 4)}
    [_, snapshot] = records("a", 9, 9)
    snapshot["dynamodb"]["NewImage"] = {"Type": {"S": "INTEREST"}}
    assert read(body([snapshot])).accounts == {"a": Span(10, 9)}


def test_records_that_are_never_published_release_no_account() -> None:
    [row, snapshot] = records("a", 9, 9)
    others = [{**row, "eventName": name} for name in ("MODIFY", "REMOVE")]
    stack = Stack(read(body([snapshot, *others])))
    assert stack.release() == []
    assert stack.objects == {}, "the object must be deleted"


OTHER_CONTENT = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"1",
    b"{}",
    b'{"payload": null}',
    b'{"payload": "x"}',
    b'{"payload": "[]"}',
    b'{"payload": {"Records": []}}',
    b'{"payload": {"Records": {"a": 1}}}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("kind", ["insert", "", None, 7])
def test_an_unknown_event_name_is_reported_and_its_object_stays(kind: object) -> None:
    unknown = {**records("b", 1, 1)[0], "eventName": kind}
    found = read(json.dumps({"payload": {"Records": [*records("a", 2, 3), unknown]}}).encode())
    assert (found.accounts, found.problem) == ({"a": Span(2, 3)}, f"record 3 has an unknown eventName, {kind!r}")
    stack = Stack(found)
    assert [released.account_id for released in stack.release()] == ["a"]
    assert list(stack.objects) == ["1"]


@pytest.mark.parametrize("content", OTHER_CONTENT)
def test_any_other_object_is_reported_and_stays(content: bytes) -> None:
    assert read(content).problem
    stack = Stack(read(content))
    assert stack.release() == []
    assert list(stack.objects) == ["1"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dynamodb", "Keys", "SequenceNumber", "eventName", "AccountId"]), inner)
    ),
)


@given(json_values)
def test_no_record_content_raises_an_error(value: Any) -> None:  # noqa: ANN401 -- any JSON
    found = read(json.dumps({"payload": json.dumps({"Records": [value, *records("a", 2, 2)]})}).encode())
    assert found.accounts["a"] == Span(2, 2)


def test_a_record_without_an_account_keeps_only_the_object() -> None:
    wrong, *others = records("a", 3, 5)
    wrong["dynamodb"]["Keys"] = {}
    stack = Stack(read(json.dumps({"payload": {"Records": [wrong, *others]}}).encode()))
    assert stack.objects["1"].problem == "record 1 does not identify its account"
    assert stack.release() == [Released("a", 22)]
    assert stack.on_stream("a") == list(range(4, 26))
    assert list(stack.objects) == ["1"]


def test_accounts_are_published_to_the_end_and_the_object_deleted() -> None:
    stack = Stack(read(body([*records("a", 7, 12), *records("b", 20, 20)])))
    assert stack.release() == [Released("a", 19), Released("b", 6)]
    assert stack.on_stream("a") == list(range(7, 26))
    assert stack.on_stream("b") == list(range(20, 26))
    assert (stack.parking.parked, stack.objects) == ({}, {})


def test_an_account_in_several_objects_is_released_once() -> None:
    stack = Stack(read(body(records("a", 20, 21)), "1"), read(body(records("a", 18, 18)), "2"))
    assert stack.release() == [Released("a", 8)]
    assert stack.on_stream("a") == list(range(18, 26))
    assert stack.objects == {}


def test_an_account_is_parked_with_a_reason_during_its_release() -> None:
    stack = Stack(read(body(records("a", 20, 21))))
    stack.projector.kinesis.refuse = {"a"}
    seen: list[Parked] = []
    stack.parking.fails = lambda name: seen.extend(stack.parking.parked.values()) if name == "advance" else None
    assert [released.still_parked is None for released in stack.release()] == [False]
    assert seen == [Parked("a", 20, 25, 22, "discarded by the event source mapping: s3://failures/1", NOW)]
    assert list(stack.objects) == ["1"]


def test_an_object_stays_until_the_last_of_its_accounts_is_released() -> None:
    stack = Stack(read(body([*records("a", 7, 12), *records("b", 20, 20)])))
    wrong = stack.projector.ledger.rows["b"].pop(25)  # its event 23
    [a, b] = stack.release()
    assert a == Released("a", 19)
    assert b.still_parked is not None
    assert (b.published, b.still_parked.first, b.still_parked.reason) == (3, 23, NO_ROW)
    assert list(stack.objects) == ["1"]
    stack.projector.ledger.rows["b"][25] = wrong
    stack.release()
    assert (stack.parking.parked, stack.objects) == ({}, {})
    assert stack.on_stream("b")[-6:] == list(range(20, 26))


def test_rows_missing_from_the_table_keep_an_account_parked() -> None:
    stack = Stack(read(body(records("c", 1, 2))))
    [released] = stack.release()
    assert released.still_parked is not None
    assert (released.still_parked.first, released.still_parked.held_through, released.still_parked.reason) == (
        1,
        2,
        NO_ROW,
    )


@pytest.mark.parametrize(("parked_at", "published_from"), [(5, 5), (20, 20), (23, 20)])
def test_a_parked_account_is_released_from_the_lower_event(parked_at: int, published_from: int) -> None:
    stack = Stack(read(body(records("a", 20, 21))))
    stack.parking.park(Parked("a", parked_at, 25, parked_at, "", ""))
    assert stack.release() == [Released("a", 26 - published_from)]
    assert stack.on_stream("a") == list(range(published_from, 26))


def test_events_held_back_during_the_release_are_kept() -> None:
    """An event is held back after the release has looked up the newest one. It is published as well."""
    stack = Stack(read(body(records("a", 20, 21))))
    stack.parking.park(Parked("a", 23, 23, 25, "", ""))
    [new] = records("a", 26, 26)

    def before_the_park(name: str) -> None:
        if name == "park":
            stack.parking.fails = lambda _: None
            stack.projector.ledger.put([new["dynamodb"]["NewImage"]])
            assert stack.projector.deliver([new]) == {"batchItemFailures": []}

    stack.parking.fails = before_the_park
    stack.newest = lambda account_id: 25  # type: ignore[method-assign]  # noqa: ARG005 -- its name
    assert stack.release() == [Released("a", 7)]
    assert stack.on_stream("a") == list(range(20, 27))


@pytest.mark.parametrize("request_", ["park", "hold"])
def test_a_release_by_another_process_in_between_is_harmless(request_: str) -> None:
    stack = Stack(read(body(records("a", 20, 21))))
    times = iter(range(2))

    def released_in_between(name: str) -> None:
        if name == request_ and next(times, None) is not None:
            stack.parking.parked.clear()

    stack.parking.fails = released_in_between
    assert stack.release() == [Released("a", 6)]
    assert (stack.parking.parked, stack.objects) == ({}, {})


def test_parking_ends_if_another_process_keeps_releasing() -> None:
    stack = Stack(read(body(records("a", 20, 21))))
    stack.parking.fails = lambda name: stack.parking.parked.clear() if name == "hold" else None
    with pytest.raises(Unavailable):
        stack.release()
    assert list(stack.objects) == ["1"]


@pytest.fixture
def bucket() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
        client.create_bucket(Bucket="failures", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield client


def test_the_bucket_is_listed_page_by_page(bucket: Any) -> None:  # noqa: ANN401 -- a boto3 client
    content = body(records("a", 20, 21))
    objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # a thousand requests would take seconds
    for number in range(1_001):
        objects.put_object("failures", f"{number:04}", content if number % 500 == 0 else b"x")
    failures = FailureBucket(bucket, "failures")
    assert failures.count() == 1_001
    assert [each.key for each in failures.objects() if not each.problem] == ["0000", "0500", "1000"]
    failures.delete("0000")
    assert failures.count() == 1_000


def test_large_objects_are_not_read_and_deleted_ones_skipped(
    bucket: Any,  # noqa: ANN401 -- a boto3 client
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures = FailureBucket(bucket, "failures")
    listed = [{"Key": "long", "Size": OBJECT_BYTES_MAX + 1}, {"Key": "gone", "Size": 1}]
    monkeypatch.setattr(failures, "_listed", lambda: iter(listed))
    [found] = failures.objects()
    assert (found.url, found.problem) == (
        "s3://failures/long",
        f"it has {OBJECT_BYTES_MAX + 1} bytes, too many for an invocation record",
    )
