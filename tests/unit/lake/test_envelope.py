"""Firehose's envelope around an event: arrival times in every format, and errors that blame the envelope."""

import pytest

from consumers.lake.envelope import SECONDS_MAX, published_ms
from tests.unit.lake.test_transform import EVENTS, PUBLISHED_MS, TRANSFORM, event, lines


@pytest.mark.parametrize(
    "arrived",
    [
        "soon",
        "",
        "18:25",
        [],
        {},
        True,
        1.5,
        0,
        -1,
        10**15,
        10**400,
        253_402_214_400_000,
        253_402_214_399_999.6,
        253_402_214_399.9996,
        "253402214399999.9",
        100_000_000_000,
        946_684_799_999,
        float("nan"),
        float("inf"),
        "9" * 30,
    ],
)
def test_an_invalid_arrival_time_is_a_bad_envelope(arrived: object) -> None:
    request = event(*EVENTS[:2])
    request["records"][0]["kinesisRecordMetadata"]["approximateArrivalTimestamp"] = arrived
    done = TRANSFORM(request)
    assert [record["result"] for record in done.answer["records"]] == ["ProcessingFailed", "Ok"]
    [refusal] = done.refusals
    assert refusal.error == "BadEnvelope"
    assert "Invalid envelope around the event: approximateArrivalTimestamp is not a time" in refusal.reason
    assert refusal.data == EVENTS[0]


@pytest.mark.parametrize(
    "arrived",
    [
        PUBLISHED_MS,
        float(PUBLISHED_MS),
        str(PUBLISHED_MS),
        f"{PUBLISHED_MS}.0",
        PUBLISHED_MS // 1000,
        PUBLISHED_MS / 1000,
        f"{PUBLISHED_MS / 1000:.3f}",
        "2026-09-21T14:13:20.000Z",
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20",
        "2026-09-21 14:13:20+00:00",
        "2026-09-21T16:13:20+02:00",
    ],
)
def test_an_arrival_time_may_have_other_formats(arrived: object) -> None:
    """AWS's test event has ISO 8601, Kinesis's API has seconds, and some JSON libraries write 1790000000000.0."""
    request = event(EVENTS[0])
    request["records"][0]["kinesisRecordMetadata"]["approximateArrivalTimestamp"] = arrived
    [record] = TRANSFORM(request).answer["records"]
    assert lines(record)[0]["published_at"] == "2026-09-21 14:13:20.000000"


@pytest.mark.parametrize("source", [None, {}, {"approximateArrivalTimestamp": None}, [], "shardId-0"])
def test_without_an_arrival_time_published_at_is_null(source: object) -> None:
    request = event(EVENTS[0])
    request["records"][0]["kinesisRecordMetadata"] = source
    [record] = TRANSFORM(request).answer["records"]
    assert lines(record)[0]["published_at"] is None


def test_an_event_after_its_arrival_names_both_days() -> None:
    """AWS's test event has such an envelope. Either the event's clock or the envelope is wrong."""
    request = event(EVENTS[0])
    request["records"][0]["kinesisRecordMetadata"]["approximateArrivalTimestamp"] = "2012-04-23T18:25:43.511Z"
    [refusal] = TRANSFORM(request).refusals
    assert refusal.error == "OutsidePartitions"
    assert "According to its envelope, it arrived on 2012-04-23, more than a day earlier" in refusal.reason


@pytest.mark.parametrize("arrived", [946_684_800_000, 946_684_800, 253_402_214_399_999, 253_402_214_399_999.4])
def test_the_bounds_are_the_same_for_every_spelling(arrived: float) -> None:
    expected = round(arrived if arrived >= SECONDS_MAX else arrived * 1000)
    for when in (arrived, float(arrived), str(arrived)):
        assert published_ms({"kinesisRecordMetadata": {"approximateArrivalTimestamp": when}}) == expected
