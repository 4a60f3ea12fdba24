"""Consumers in a replay: the consumer kit withstands every fault of a stream, and handlers with a bug are caught."""

import base64
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest

from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.errors import (
    CorruptAggregate,
    CorruptBody,
    Undecodable,
    UnknownFingerprint,
    UnknownFraming,
    UnknownSchemaVersion,
)
from account_events.consumer import (
    Consumer,
    Decoder,
    Event,
    Inbox,
    KinesisRecord,
    LambdaHandler,
    MemoryInbox,
    OtherEvent,
    Outcome,
)
from account_events.testing import (
    BadReplay,
    EventWriter,
    Settings,
    assert_applied_once,
    corrupt_aggregate,
    corrupt_body,
    history,
    mixed,
    newer_schema,
    not_an_event,
    of_a_later_type,
    out_of_order,
    published,
    replay,
    republished,
    unknown_schema,
    without,
)

EVENTS = mixed(
    history("alma", "100.00", "-30.00", "1.00", "-2.00"),
    history("bo", "5.00", "-1.00"),
    *(history(f"account-{n}", *["1.00"] * n) for n in range(10)),
    seed=7,
)
NEWER = [newer_schema("BalanceCredited"), newer_schema("AccountCreated", "branch")]
DeadLetters = list[tuple[KinesisRecord, Undecodable]]


class Kit:
    """A consumer built with the consumer kit: its store, and the events that it has applied."""

    def __init__(self, decoder: Decoder | None = None, dead_letter: DeadLetters | None = None) -> None:
        self.applied: list[Event] = []
        self.outcomes: list[Outcome] = []
        keep: Any = None if dead_letter is None else lambda record, error: dead_letter.append((record, error))
        self._inbox = Inbox(MemoryInbox(), self.applied.extend, decoder=decoder, run_max=100)
        self._consumer = Consumer(self._inbox, dead_letter=keep)

    def new_handler(self) -> LambdaHandler:
        return LambdaHandler(self._consumer, now=lambda: 1_000.0, report=self.outcomes.append)


@pytest.mark.parametrize(
    ("aggregated", "framing", "shards", "seed"), [*product([True, False], ["single-object", "glue"], [1, 3], range(3))]
)
def test_the_kit_applies_each_event_once_whatever_the_stream_does(
    aggregated: bool,  # noqa: FBT001 -- a parameter
    framing: Any,  # noqa: ANN401 -- of EventWriter
    shards: int,
    seed: int,
) -> None:
    writer = EventWriter(framing)
    kit = Kit(Decoder(Codec(CONTRACT, writer.registry.get)))
    events = republished(out_of_order(EVENTS, seed), seed)
    stream = published(events, writer, aggregated=aggregated, events_per_put=5, shards=shards)
    done = replay(
        stream, new_handler=kit.new_handler, batch_sizes=[1, 3], duplicates="all", overlap=1, crash_after_call=[2, 3]
    )
    done.assert_all_acknowledged()
    assert_applied_once(kit.applied, EVENTS)


def events_of_record(record: dict[str, Any]) -> list[Event]:
    return Decoder().events(base64.b64decode(record["kinesis"]["data"]))


def naive(applied: list[Event]) -> Callable[[dict[str, Any], Any], None]:
    """Applies every event that it gets."""

    def handler(event: dict[str, Any], _: Any) -> None:  # noqa: ANN401 -- Lambda's
        for record in event["Records"]:
            applied.extend(events_of_record(record))

    return handler


def newest_only(applied: list[Event]) -> Callable[[dict[str, Any], Any], None]:
    """Applies only events that are newer than the last one, and so loses events that arrive late."""
    last: dict[str, int] = {}

    def handler(event: dict[str, Any], _: Any) -> None:  # noqa: ANN401 -- Lambda's
        for each in (each for record in event["Records"] for each in events_of_record(record)):
            if each.sequence > last.get(each.account_id, 0):
                last[each.account_id] = each.sequence
                applied.append(each)

    return handler


def test_a_handler_that_does_not_drop_repeats_is_caught() -> None:
    applied: list[Event] = []
    replay(published(EVENTS), naive(applied)).assert_no_failures()
    assert_applied_once(applied, EVENTS)
    replay(published(EVENTS), naive(applied := []), batch_sizes=4, duplicates=[2])
    with pytest.raises(AssertionError, match="was applied more than once"):
        assert_applied_once(applied, EVENTS)
    replay(published(republished(EVENTS, seed=1)), naive(applied := []))
    with pytest.raises(AssertionError, match="was applied more than once"):
        assert_applied_once(applied, EVENTS)


def test_a_handler_that_only_drops_repeats_fails_on_disorder() -> None:
    applied: list[Event] = []
    replay(published(EVENTS), newest_only(applied), batch_sizes=4, duplicates="all")
    assert_applied_once(applied, EVENTS)
    replay(published(out_of_order(EVENTS, seed=1)), newest_only(applied := []))
    with pytest.raises(AssertionError, match="was applied before"):
        assert_applied_once(applied, EVENTS)


def test_nothing_after_a_gap_is_applied_and_the_gap_is_reported() -> None:
    kit = Kit()
    replay(published(without(EVENTS, "alma", 3)), kit.new_handler()).assert_all_acknowledged()
    assert_applied_once(kit.applied, [e for e in EVENTS if e.account_id != "alma" or e.sequence < 3])
    later = Consumer(kit._inbox).receive([], now_s=2_000.0)  # noqa: SLF001 -- the same store, later
    assert [(gap.account_id, gap.first) for gap in later.gaps] == [("alma", 3)]


@pytest.mark.parametrize(
    ("framing", "damage", "error"),
    [
        ("single-object", not_an_event, UnknownFraming),
        ("single-object", corrupt_aggregate, CorruptAggregate),
        ("single-object", unknown_schema, UnknownFingerprint),
        ("single-object", corrupt_body, CorruptBody),
        ("glue", unknown_schema, UnknownSchemaVersion),
        ("glue", corrupt_body, CorruptBody),
    ],
)
@pytest.mark.parametrize("aggregated", [True, False])
def test_a_poison_stops_the_shard_or_goes_to_the_dead_letter_callback(
    framing: Any,  # noqa: ANN401 -- of EventWriter
    damage: Any,  # noqa: ANN401 -- a Damage
    error: type[Undecodable],
    aggregated: bool,  # noqa: FBT001 -- a parameter
) -> None:
    writer = EventWriter(framing)
    decoder = Decoder(Codec(CONTRACT, writer.registry.get))
    stream = published(EVENTS, writer, aggregated=aggregated)
    if damage is corrupt_aggregate and not aggregated:
        with pytest.raises(BadReplay, match="cannot be damaged in this way"):
            stream.poisoned(4, damage)
        return
    discarding = Settings(retries_max=2, discards_allowed=True)
    stopped = Kit(decoder)
    done = replay(stream, stopped.new_handler(), batch_sizes=10, poison={4: damage}, settings=discarding)
    assert len(done.discarded) >= 1
    assert {type(failure.error) for outcome in stopped.outcomes for failure in outcome.failures} == {error}
    dead_letters: DeadLetters = []
    kit = Kit(decoder, dead_letters)
    replay(stream, kit.new_handler(), batch_sizes=10, poison={4: damage}).assert_all_acknowledged()
    assert {type(why) for _, why in dead_letters} == {error}
    expected, applied = by_account(EVENTS), by_account(kit.applied)
    complete = [account_id for account_id, events in expected.items() if applied.get(account_id) == events]
    assert len(complete) < len(expected), "no account has lost an event to the poison"
    assert "bo" in complete
    for account_id, events in applied.items():
        assert events == expected[account_id][: len(events)]


def by_account(events: Sequence[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.account_id, []).append(event)
    return found


def consumed(stream: Any, decoder: Decoder) -> Sequence[Event]:  # noqa: ANN401 -- an EventStream
    kit = Kit(decoder)
    replay(stream, kit.new_handler()).assert_all_acknowledged()
    return kit.applied


def test_a_newer_schema_stops_a_consumer_until_it_has_the_schema() -> None:
    writer = EventWriter(schemas=NEWER)
    stream = published(EVENTS, writer)
    kit = Kit()
    with pytest.raises(AssertionError, match="discarded without being handled"):
        replay(stream, kit.new_handler(), settings=Settings(retries_max=2))
    assert kit.applied == []
    assert isinstance(kit.outcomes[-1].failures[0].error, UnknownFingerprint)
    assert_applied_once(consumed(stream, Decoder(Codec(writer.contract))), EVENTS)
    fields = [Codec(writer.contract).decode(writer.encode(event)).fields for event in EVENTS]
    assert all("added_later" in each for each in fields if each["event_id"] in ("alma:2", "bo:2"))
    assert [each["branch"] for each in fields if each["sequence"] == 1] == ["from a later release"] * 12


def test_with_glues_framing_the_registry_provides_a_newer_schema() -> None:
    writer = EventWriter("glue", schemas=NEWER)
    stream = published(EVENTS, writer)
    assert_applied_once(consumed(stream, Decoder(Codec(CONTRACT, writer.registry.get))), EVENTS)
    known = EventWriter("glue").registry
    with pytest.raises(AssertionError, match="discarded without being handled"):
        replay(stream, Kit(Decoder(Codec(CONTRACT, known.get))).new_handler(), settings=Settings(retries_max=2))


@pytest.mark.parametrize("framing", ["single-object", "glue"])
def test_an_event_of_a_later_type_is_applied_in_its_place(framing: Any) -> None:  # noqa: ANN401 -- of EventWriter
    writer = EventWriter(framing)
    events = [of_a_later_type(event) if event.event_id == "alma:3" else event for event in EVENTS]
    codec = Codec(writer.contract, writer.registry.get)
    found = consumed(published(events, writer), Decoder(codec))
    assert_applied_once(found, events)
    assert [event.sequence for event in found if isinstance(event, OtherEvent)] == [3]


def test_get_records_feeds_a_consumer_without_lambda() -> None:
    kit = Kit()
    records = [KinesisRecord(one["SequenceNumber"], one["Data"]) for one in published(EVENTS).get_records()]
    outcome = Consumer(kit._inbox).receive(records, now_s=1_000.0)  # noqa: SLF001 -- the same store
    assert (outcome.applied, outcome.failures) == (len(EVENTS), [])


def test_after_a_partial_failure_the_rest_is_delivered_again() -> None:
    kit, refused = Kit(), [True]

    def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 -- Lambda's
        if refused:
            refused.clear()
            return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["kinesis"]["sequenceNumber"]}]}
        return kit.new_handler()(event, context)

    done = replay(published(EVENTS, aggregated=False), handler, batch_sizes=5)
    assert [delivery.acknowledged for delivery in done.deliveries[:2]] == [1, 4]
    done.assert_all_acknowledged()


def test_event_types_and_fields_that_cannot_exist_are_refused() -> None:
    with pytest.raises(BadReplay, match="there is no event 'Interest'"):
        newer_schema("Interest")
    with pytest.raises(BadReplay, match="already has a field 'owner'"):
        newer_schema("AccountCreated", "owner")
    other = of_a_later_type(EVENTS[0])
    strange = OtherEvent(**{**vars(other), "name": "Interest"})
    with pytest.raises(BadReplay, match="there is no schema for Interest"):
        EventWriter().encode(strange)


def test_an_events_stream_can_be_filtered_and_split() -> None:
    stream = published(EVENTS, aggregated=False)
    alma = Settings(filter_patterns=['{"partitionKey": ["alma"]}'])
    kit = Kit()
    replay(stream, kit.new_handler(), settings=alma).assert_all_acknowledged()
    assert_applied_once(kit.applied, [event for event in EVENTS if event.account_id == "alma"])
    kit = Kit()
    done = replay(stream, new_handler=kit.new_handler, batch_sizes=3, split_after=9)
    assert {delivery.environment for delivery in done.deliveries} == {1, 2, 3}
    assert_applied_once(kit.applied, EVENTS)


def test_a_list_of_kinesis_records_can_be_replayed() -> None:
    kit = Kit()
    replay(published(EVENTS).lambda_event()["Records"], kit.new_handler()).assert_no_failures()
    assert_applied_once(kit.applied, EVENTS)
