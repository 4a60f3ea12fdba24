"""Events for consumers' tests are those that the account service publishes, disturbed only as the test requests."""

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from aws_kinesis_agg.deaggregator import deaggregate_records

from account_events.aggregation.unpacking import unpack
from account_events.consumer import AccountCreated, BalanceCredited, BalanceWithdrawn, Decoder, Event
from account_events.testing import (
    BadReplay,
    BadSource,
    EventStream,
    EventWriter,
    TableKey,
    TableStream,
    assert_applied_once,
    history,
    mixed,
    out_of_order,
    published,
    republished,
    without,
)
from projector.lanes import aggregated, plain
from tests.support.memory_projector import BUCKETS, MemoryProjector
from tests.unit.testing.handlers import events_of
from tests.unit.testing.streams import table_stream

ALMA = history("alma", "100.00", "-30.00", Decimal("0.5"))
BO = history("bo", "5.00", "1.00", "1.00", "-7.00")
DECODER = Decoder()


def events_in(stream: EventStream) -> list[Event]:
    return [event for record in stream.get_records() for event in DECODER.events(record["Data"])]


def test_a_history_has_the_events_of_an_account_with_its_balances() -> None:
    assert [type(event) for event in ALMA] == [AccountCreated, BalanceCredited, BalanceWithdrawn, BalanceCredited]
    assert [event.sequence for event in ALMA] == [1, 2, 3, 4]
    assert [str(event.balance) for event in ALMA if hasattr(event, "balance")] == ["0.00", "100.00", "70.00", "70.50"]
    assert len({event.event_id for event in (*ALMA, *BO)}) == len(ALMA) + len(BO)
    assert ALMA[2].event_id == "alma:3"
    assert [event.occurred_at for event in ALMA] == sorted({event.occurred_at for event in ALMA})
    assert history("alma", "1.00", owner="o", currency="CHF")[0].currency == "CHF"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        (["1.00", "-1.01"], "alma: -1.01 overdraws"),
        (["0.00"], "'0.00' is not an amount"),
        (["0.001"], "'0.001' is not an amount"),
        (["much"], "'much' is not an amount"),
        (["NaN"], "'NaN' is not an amount"),
        ([100.0], "100.0 is a float, which is not exact: pass text, such as '100.00', or a Decimal"),
    ],
)
def test_an_impossible_history_is_refused(amounts: list[str], message: str) -> None:
    with pytest.raises(BadReplay, match=message):
        history("alma", *amounts)


@pytest.mark.parametrize("pack", [aggregated, plain])
def test_the_records_are_those_that_the_projector_puts(pack: Callable[[int], Any]) -> None:
    """With six events per account there are no snapshots, so five records are five events."""
    projector = MemoryProjector(pack=pack(BUCKETS))
    stream = table_stream("abcdefgh", 6)
    events = [DECODER.decode(data) for _number, _account, data in events_of({"Records": stream.records})]
    projector.replay(stream, batch_sizes=5).assert_each_once()
    expected = [(put["PartitionKey"], put["Data"]) for put in projector.kinesis.accepted]
    put_records = published(events, aggregated=pack is aggregated, events_per_put=5).get_records()
    found = [(record["PartitionKey"], record["Data"]) for record in put_records]
    if pack is aggregated:
        assert found == expected
    assert sorted(found) == sorted(expected)  # one record per account is in flight, so accounts mix differently


def test_an_independent_deaggregator_finds_every_event() -> None:
    records = published(mixed(ALMA, BO)).lambda_event()["Records"]
    assert len(records) == 2, "one record of each of two buckets"
    found = [base64.b64decode(one["kinesis"]["data"]) for one in deaggregate_records(records)]
    assert sorted(found) == sorted(map(EventWriter().encode, (*ALMA, *BO)))


def test_lambda_and_get_records_deliver_the_same() -> None:
    stream = published(mixed(ALMA, BO), aggregated=False)
    for by_lambda, by_api in zip(stream.lambda_event()["Records"], stream.get_records(), strict=True):
        kinesis = by_lambda["kinesis"]
        assert base64.b64decode(kinesis["data"]) == by_api["Data"]
        assert (kinesis["sequenceNumber"], kinesis["partitionKey"]) == (
            by_api["SequenceNumber"],
            by_api["PartitionKey"],
        )
        assert kinesis["approximateArrivalTimestamp"] == by_api["ApproximateArrivalTimestamp"].timestamp()
    assert events_in(stream) == mixed(ALMA, BO)


def test_an_account_stays_in_one_shard() -> None:
    stream = published(mixed(*(history(f"account-{n}", "1.00", "1.00") for n in range(20))), shards=4)
    accounts = [
        {event.account_id for record in shard.records for event in DECODER.events(data_of(record))}
        for shard in stream.shards
    ]
    assert len(accounts) == 4
    assert sum(map(len, accounts)) == 20
    assert all(accounts)


def data_of(record: dict[str, Any]) -> bytes:
    return base64.b64decode(record["kinesis"]["data"])


def test_an_aggregated_record_has_the_events_of_one_put() -> None:
    sizes = [len(unpack(record["Data"])) for record in published(BO, events_per_put=2).get_records()]
    assert sizes == [2, 2, 1]


def test_accounts_are_mixed_in_turn_or_by_a_seed() -> None:
    assert [event.account_id for event in mixed(ALMA, BO)] == ["alma", "bo"] * 4 + ["bo"]
    assert mixed(ALMA, BO, seed=1) == mixed(ALMA, BO, seed=1) != mixed(ALMA, BO, seed=2)
    assert_applied_once(mixed(ALMA, BO, seed=1), [*ALMA, *BO])


def test_disorder_and_repeats_are_reproducible_by_seed() -> None:
    for seed in range(50):
        events = mixed(ALMA, BO, seed=seed)
        disturbed, repeated = out_of_order(events, seed), republished(events, seed)
        assert disturbed == out_of_order(events, seed)
        assert sorted(disturbed, key=id) == sorted(events, key=id)
        with pytest.raises(AssertionError, match=r"was applied before|was applied, and"):
            assert_applied_once(disturbed, events)
        assert repeated == republished(events, seed)
        assert list(dict.fromkeys(map(id, repeated))) == list(map(id, events)), "in order at first publication"
        with pytest.raises(AssertionError, match="was applied more than once"):
            assert_applied_once(repeated, events)
    with pytest.raises(BadReplay, match="no account has two different events"):
        out_of_order([ALMA[0], BO[0], ALMA[0]], seed=1)
    with pytest.raises(BadReplay, match="no event that could be published again"):
        republished([], seed=1)
    assert len(republished(ALMA[:1], seed=1)) > 1


@pytest.mark.parametrize("account_id", ["", "a" * 257, 5], ids=["empty", "long", "number"])
def test_an_id_that_no_account_can_have_is_refused(account_id: object) -> None:
    with pytest.raises(BadReplay, match="is not an account id: pass text of 1 to 256 characters"):
        history(account_id)  # type: ignore[arg-type]
    assert history("a" * 256)[0].account_id == "a" * 256


def test_one_event_or_response_has_records_of_one_shard_only() -> None:
    events = mixed(*(history(f"a-{number}", "1.00") for number in range(20)))
    for delivered in (published(events, shards=2).lambda_event, published(events, shards=2).get_records):
        with pytest.raises(BadReplay, match="several shards have records"):
            delivered()
    assert published(history("a-1", "1.00"), shards=2).lambda_event()["Records"]


def test_an_unknown_framing_is_refused() -> None:
    with pytest.raises(BadReplay, match="no framing 'Glue'; use one of single-object, glue"):
        EventWriter("Glue")  # type: ignore[arg-type]


def test_an_item_without_the_key_is_refused() -> None:
    with pytest.raises(BadSource, match="item 2: the key attribute Pk is missing"):
        TableStream.of_images([{"Pk": {"S": "a"}}, {"Id": {"S": "b"}}], TableKey("Pk"))


def test_only_events_that_exist_can_be_left_out() -> None:
    assert [event.sequence for event in without(mixed(ALMA, BO), "alma", 2, 3) if event.account_id == "alma"] == [1, 4]
    with pytest.raises(BadReplay, match="alma: there is no event 5 to leave out"):
        without(ALMA, "alma", 5)


def test_an_empty_stream_and_numbers_below_one_are_refused() -> None:
    with pytest.raises(BadReplay, match="no event to publish"):
        published([])
    for option in ("events_per_put", "buckets", "shards"):
        numbers: dict[str, Any] = {option: 0}
        with pytest.raises(BadReplay, match="must be positive"):
            published(ALMA, **numbers)


@pytest.mark.parametrize(
    ("applied", "message"),
    [
        (ALMA[:3], "^alma: 4 was never applied$"),
        ([], "^alma: 1 was never applied$"),
        ([ALMA[0], ALMA[2], ALMA[1], ALMA[3]], "^alma: 3 was applied before 2$"),
        ([*ALMA, ALMA[1]], "^alma: 2 was applied more than once$"),
        ([*ALMA, BO[0]], "^bo: 1 was applied, but is not expected$"),
        ([*ALMA[:3], history("alma", "1.00", "1.00", "1.00")[3]], "^alma: 4 differs from the published event$"),
    ],
)
def test_an_event_that_was_applied_wrongly_is_named(applied: list[Event], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_applied_once(applied, ALMA)
