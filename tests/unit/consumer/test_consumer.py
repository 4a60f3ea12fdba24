"""A batch of records: which accounts advance, which records are safe, and where to continue."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from account_events.aggregation.packing import aggregate
from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.errors import CorruptAggregate, CorruptBody
from account_events.consumer import (
    Consumer,
    Decoder,
    Event,
    Failure,
    Gap,
    Inbox,
    KinesisRecord,
    LambdaHandler,
    MemoryInbox,
    Outcome,
)
from account_events.consumer.errors import Unavailable
from account_events.consumer.glue_registry import RegistryUnavailable
from account_events.consumer.lambda_handler import NotAKinesisEvent
from account_events.consumer.position import Position
from tests.unit.aggregation.test_packing import as_lambda_sends
from tests.unit.consumer.given import encoded, records

NOW = 1_000.0
A, B, C = (encoded(account_id, 9) for account_id in "abc")


class Balances:
    """A read model that refuses the accounts in `refused`."""

    def __init__(self) -> None:
        self.sequences: dict[str, list[int]] = {}
        self.refused: set[str] = set()

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.account_id in self.refused:
                raise RuntimeError(f"{event.account_id} is refused")
            self.sequences.setdefault(event.account_id, []).append(event.sequence)


@pytest.fixture
def balances() -> Balances:
    return Balances()


@pytest.fixture
def consumer(balances: Balances) -> Consumer[None]:
    return Consumer(Inbox(MemoryInbox(), balances, gap_wait_s=60))


def test_each_account_advances_in_its_own_order(consumer: Consumer[None], balances: Balances) -> None:
    outcome = consumer.receive(records([A[0], B[0], A[1]], B[1], [A[2], A[0]]), NOW)
    assert outcome == Outcome(applied=5, duplicates=1, checkpoint="3", gaps=[])
    assert balances.sequences == {"a": [1, 2, 3], "b": [1, 2]}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_may_be_any_bytes(consumer: Consumer[None], balances: Balances, kind: Any) -> None:  # noqa: ANN401
    [record] = records([A[0], A[1]])
    consumer.receive([record._replace(data=kind(record.data)), KinesisRecord("2", kind(A[2]))], NOW)
    assert balances.sequences == {"a": [1, 2, 3]}


def test_a_failed_account_stops_and_the_others_advance(consumer: Consumer[None], balances: Balances) -> None:
    batch = records([A[0], B[0]], [B[1], C[0]], [B[2], A[1]], C[1])
    balances.refused = {"b"}
    outcome = consumer.receive(batch, NOW)
    [failure] = outcome.failures
    assert (failure.sequence_number, failure.account_id, str(failure.error)) == ("1", "b", "b is refused")
    assert outcome.checkpoint is None
    assert balances.sequences == {"a": [1, 2], "c": [1, 2]}
    balances.refused = set()
    assert consumer.receive(batch, NOW).checkpoint == "4"
    assert balances.sequences == {"a": [1, 2], "b": [1, 2, 3], "c": [1, 2]}


def test_the_checkpoint_is_before_the_first_unsafe_record(consumer: Consumer[None], balances: Balances) -> None:
    balances.refused = {"b", "c"}
    outcome = consumer.receive(records(A[0], [A[1], C[0]], B[0], [C[1], B[1]]), NOW)
    assert [(each.sequence_number, each.account_id) for each in outcome.failures] == [("2", "c"), ("3", "b")]
    assert outcome.checkpoint == "1"


def test_failures_are_in_the_order_of_their_records(balances: Balances) -> None:
    """Not in the order of their accounts. Failures without a number come last."""

    def handle(events: Sequence[Event]) -> None:
        if events[0].event_id in {"a:2", "b:1", "c:1"}:
            raise RuntimeError(events[0].event_id)
        balances(events)

    consumer = Consumer(Inbox(MemoryInbox(), handle), dead_letter=lambda _record, _error: None)
    outcome = consumer.receive(records(A[0], A[0][:-1], [B[0], C[0]], A[1]), NOW)
    assert [each.sequence_number for each in outcome.failures] == ["3", "3", "4", None]
    assert outcome.unsafe == ["3", "4"], "each record is named once"
    assert outcome.checkpoint == "2"


@pytest.mark.parametrize(
    ("damaged", "kind"),
    [
        (aggregate("0", "0", [A[1], B[0]])[:-1], CorruptAggregate),
        (aggregate("0", "0", [A[1], B[0][:-1]]), CorruptBody),
    ],
    ids=["a truncated aggregate", "a truncated event after a good one"],
)
def test_an_undecodable_record_stops_the_batch(
    consumer: Consumer[None], balances: Balances, damaged: bytes, kind: type[Exception]
) -> None:
    outcome = consumer.receive(records(A[0], damaged, [A[2], C[0]]), NOW)
    [failure] = outcome.failures
    assert (failure.sequence_number, failure.account_id, type(failure.error)) == ("2", None, kind)
    assert outcome.checkpoint == "1"
    assert balances.sequences == {"a": [1]}


def test_a_dead_lettered_record_counts_as_done_and_is_reported(balances: Balances) -> None:
    dead_letters: list[KinesisRecord] = []
    inbox = Inbox(MemoryInbox(), balances)
    consumer = Consumer(inbox, dead_letter=lambda record, _error: dead_letters.append(record))
    batch = records(A[0], [A[1], B[0][:-1]], [B[1], A[2]])
    outcome = consumer.receive(batch, NOW)
    assert dead_letters == [batch[1]]
    assert [(each.sequence_number, type(each.error)) for each in outcome.failures] == [(None, CorruptBody)]
    assert (outcome.checkpoint, outcome.unsafe, outcome.buffered) == ("3", [], 2)
    assert balances.sequences == {"a": [1]}, "later events wait for a replay"


def test_an_unavailable_registry_leaves_the_record_for_later(balances: Balances) -> None:
    class Registry:
        source: str | None = None

        def __call__(self, version_id: str) -> str:
            if self.source is None:
                raise RegistryUnavailable(version_id)
            return self.source

    registry = Registry()
    consumer = Consumer(Inbox(MemoryInbox(), balances, decoder=Decoder(Codec(CONTRACT, registry))))
    batch = records(A[0], b"\x03\x00" + bytes(16) + A[1][10:])
    [failure] = consumer.receive(batch, NOW).failures
    assert (failure.sequence_number, type(failure.error)) == ("2", RegistryUnavailable)
    registry.source = json.dumps(CONTRACT.working["BalanceCredited"].source)
    assert consumer.receive(batch, NOW).checkpoint == "2"
    assert balances.sequences == {"a": [1, 2]}


def test_every_batch_reports_the_gaps_of_all_accounts(consumer: Consumer[None]) -> None:
    assert consumer.receive(records(A[1]), NOW).buffered == 1
    assert consumer.receive(records(B[0]), NOW + 59).gaps == []
    assert consumer.receive(records(B[1]), NOW + 60).gaps == [Gap("a", 1, 1, NOW)]
    assert consumer.receive([], NOW + 60).gaps == [Gap("a", 1, 1, NOW)]


def test_an_unavailable_store_fails_only_the_affected_account(balances: Balances) -> None:
    class PartlyUnavailable(MemoryInbox):
        def position(self, account_id: str) -> Position:
            if account_id == "a":
                raise Unavailable("no")
            return super().position(account_id)

        def gaps(self, before_s: float) -> Sequence[Gap]:
            raise Unavailable(str(before_s))

    outcome = Consumer(Inbox(PartlyUnavailable(), balances)).receive(records(B[0], A[0], B[1]), NOW)
    assert (outcome.checkpoint, balances.sequences) == ("1", {"b": [1, 2]})
    assert [(each.sequence_number, each.account_id) for each in outcome.failures] == [("2", "a"), (None, None)]


@pytest.mark.parametrize("error", [Unavailable("throttled"), RuntimeError("no permission")], ids=str)
def test_a_failed_gap_query_is_reported_and_blocks_no_record(balances: Balances, error: Exception) -> None:
    """If the error were not reported, an account could wait for ever unnoticed."""

    class WithoutIndex(MemoryInbox):
        def gaps(self, before_s: float) -> Sequence[Gap]:
            del before_s
            raise error

    outcome = Consumer(Inbox(WithoutIndex(), balances)).receive(records(A[0]), NOW)
    assert (outcome.applied, outcome.checkpoint, outcome.unsafe, outcome.gaps) == (1, "1", [], ())
    assert outcome.failures == [Failure(None, None, error)]


def _lambda_event(batch: Sequence[KinesisRecord]) -> dict[str, Any]:
    event = [as_lambda_sends(data, "0") for _, data, _ in batch]
    for record, (number, _, _) in zip(event, batch, strict=True):
        record["kinesis"]["sequenceNumber"] = number
    return {"Records": event}


def test_lambda_gets_the_first_unsafe_record_of_each_account(consumer: Consumer[None], balances: Balances) -> None:
    reported: list[Outcome] = []
    handler = LambdaHandler(consumer, now=lambda: NOW, report=reported.append)
    batch = records([A[0], B[0]], [B[1], C[0]], [C[1], B[2]], A[1])
    balances.refused = {"b", "c"}
    assert handler(_lambda_event(batch)) == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}
    assert [failure.account_id for failure in reported[0].failures] == ["b", "c"]
    balances.refused = set()
    assert handler(_lambda_event(batch)) == {"batchItemFailures": []}
    assert balances.sequences == {"a": [1, 2], "b": [1, 2, 3], "c": [1, 2]}


@pytest.mark.parametrize(
    "event",
    [{}, {"Records": [{"dynamodb": {}}]}, {"Records": [{"kinesis": {"sequenceNumber": "1", "data": "?"}}]}, []],
    ids=["no records", "a table's record", "not base64", "not an event"],
)
def test_an_event_of_another_shape_is_refused(consumer: Consumer[None], event: Any) -> None:  # noqa: ANN401
    with pytest.raises(NotAKinesisEvent):
        LambdaHandler(consumer, now=lambda: NOW, report=print)(event)
