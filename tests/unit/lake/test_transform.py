"""Firehose's contract: every record is returned exactly once, and no data fails the whole batch."""

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from account_events.aggregation.packing import aggregate
from account_events.avro.codec import CONTRACT
from account_events.avro.encoder import encode, glue_encoders
from account_events.consumer import Decoder
from consumers.lake import settings
from consumers.lake.report import REFUSALS_LOGGED_MAX, Report
from consumers.lake.rows import Rows
from consumers.lake.transform import ANSWER_BYTES_MAX, Transform
from tests.unit.consumer.given import encoded

TRANSFORM = Transform(Rows(Decoder(), "2020-01-01"))
PUBLISHED_MS = 1_790_000_000_000
TRANSFORM_BUFFER_MB = 0.2
"""template.yaml's BufferSizeInMBs; tests/template compares the two."""
EVENTS = encoded("a-1", 12)


def event(*datas: bytes | str) -> dict[str, Any]:
    """An event as Firehose sends it. Text is used as the data itself, for example if it is not base64."""
    return {
        "invocationId": "inv-1",
        "records": [
            {
                "recordId": f"r-{number}",
                "approximateArrivalTimestamp": PUBLISHED_MS + 900,
                "data": data if isinstance(data, str) else base64.b64encode(data).decode(),
                "kinesisRecordMetadata": {
                    "sequenceNumber": "49",
                    "subsequenceNumber": number,
                    "partitionKey": "7",
                    "shardId": "shardId-0",
                    "approximateArrivalTimestamp": PUBLISHED_MS,
                },
            }
            for number, data in enumerate(datas)
        ],
    }


def lines(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in base64.b64decode(record["data"]).decode().splitlines()]


def test_events_become_rows_with_their_partitions() -> None:
    done = TRANSFORM(event(*EVENTS[:3]))
    first, second, _ = done.answer["records"]
    assert [record["recordId"] for record in done.answer["records"]] == ["r-0", "r-1", "r-2"]
    assert {record["result"] for record in done.answer["records"]} == {"Ok"}
    assert first["metadata"]["partitionKeys"] == {
        "dt": lines(first)[0]["occurred_at"][:10],
        "event_type": "AccountCreated",
    }
    assert [line["sequence"] for line in lines(second)] == [2]
    assert (done.rows, done.refusals) == (3, ())


@pytest.mark.parametrize("metadata", [None, {}])
def test_a_record_without_metadata_becomes_a_row(metadata: object) -> None:
    request = event(EVENTS[0], b"junk")
    for record in request["records"]:
        record["kinesisRecordMetadata"] = metadata
    assert [record["result"] for record in TRANSFORM(request).answer["records"]] == ["Ok", "ProcessingFailed"]


def test_a_record_put_into_firehose_has_no_publication_time() -> None:
    request = event(EVENTS[0])
    del request["records"][0]["kinesisRecordMetadata"]
    [record] = TRANSFORM(request).answer["records"]
    assert lines(record)[0]["published_at"] is None


def test_an_aggregate_of_one_partition_is_unpacked() -> None:
    credits_ = [data for data in EVENTS if Decoder().decode(data).__class__.__name__ == "BalanceCredited"]
    assert len(credits_) > 1
    done = TRANSFORM(event(aggregate("7", "1", credits_), EVENTS[0]))
    unpacked, single = done.answer["records"]
    assert [line["sequence"] for line in lines(unpacked)] == [Decoder().decode(data).sequence for data in credits_]
    assert single["result"] == "Ok"
    assert done.rows == len(credits_) + 1


def test_an_aggregate_of_several_partitions_is_kept_for_a_redrive() -> None:
    done = TRANSFORM(event(aggregate("7", "1", EVENTS[:3])))
    assert [record["result"] for record in done.answer["records"]] == ["ProcessingFailed"]
    [refusal] = done.refusals
    assert refusal.error == "SeveralPartitions"
    assert "3 events for " in refusal.reason


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "UnknownFraming"),
        (b"{}", "UnknownFraming"),
        (EVENTS[1][:-1], "CorruptBody"),
        (EVENTS[1] + b"x", "CorruptBody"),
        (b"\xc3\x01" + bytes(8) + EVENTS[1][10:], "UnknownFingerprint"),
        (aggregate("7", "1", EVENTS[:2])[:-1] + b"x", "CorruptAggregate"),
        (aggregate("7", "1", [EVENTS[1], EVENTS[1][:-1]]), "CorruptBody"),
        (aggregate("7", "1", []), "CorruptAggregate"),
        ("no base64!", "BadEnvelope"),
        ("§§§§", "BadEnvelope"),
    ],
)
def test_only_unreadable_records_are_refused_with_a_reason(data: bytes | str, error: str) -> None:
    done = TRANSFORM(event(EVENTS[0], data, EVENTS[1]))
    assert [record["result"] for record in done.answer["records"]] == ["Ok", "ProcessingFailed", "Ok"]
    kept = event(data)["records"][0]["data"]
    assert done.answer["records"][1]["data"] == (kept if kept.isascii() else ""), "the data is unchanged"
    assert "metadata" not in done.answer["records"][1]
    [refusal] = done.refusals
    assert (refusal.record_id, refusal.error) == ("r-1", error)
    assert refusal.reason
    assert refusal.data == (data if isinstance(data, bytes) else b"")


@given(
    st.lists(st.sampled_from([*EVENTS, b"junk", EVENTS[3][:9], aggregate("7", "1", EVENTS)]), max_size=30),
    st.integers(0, 9_000),
)
def test_every_record_is_returned_once_and_the_answer_has_a_limit(datas: list[bytes], limit: int) -> None:
    request = event(*datas)
    done = Transform(Rows(Decoder(), "2020-01-01"), limit)(request)
    assert [record["recordId"] for record in done.answer["records"]] == [
        record["recordId"] for record in request["records"]
    ]
    refused = [record["recordId"] for record in done.answer["records"] if record["result"] == "ProcessingFailed"]
    assert refused == [refusal.record_id for refusal in done.refusals]
    if len(refused) < len(datas):
        assert len(json.dumps(done.answer)) <= limit + len('{"records": []}')


def test_records_beyond_the_answers_limit_are_kept_for_a_redrive() -> None:
    done = Transform(Rows(Decoder(), "2020-01-01"), 6_500)(event(*EVENTS))
    results = [record["result"] for record in done.answer["records"]]
    assert 0 < results.count("Ok") < len(EVENTS)
    assert {refusal.error for refusal in done.refusals} == {"AnswerFull"}


def test_a_buffer_of_the_smallest_events_fits_an_answer() -> None:
    """With Firehose's long record ids. Lambda accepts answers of 6 MB; a buffer of 0.5 MB would give 9 MB."""
    smallest = min(encoded("a", 12), key=len)
    count = round(TRANSFORM_BUFFER_MB * 2**20) // len(smallest)
    request = event(*[smallest] * count)
    for record in request["records"]:
        record["recordId"] = record["recordId"].zfill(80)
    done = TRANSFORM(request)
    assert done.refusals == ()
    assert len(json.dumps(done.answer)) < ANSWER_BYTES_MAX < 6 * 1024 * 1024


def test_events_in_glues_framing_are_read_with_the_templates_ids() -> None:
    ids = {
        schema.fingerprint.hex(): f"{number:08d}-0000-4000-8000-000000000000"
        for number, schema in enumerate(CONTRACT.known.values())
    }
    read = settings.Settings.read(
        {
            "LAKE_BUCKET_NAME": "b",
            "FIRST_DAY": "2020-01-01",
            "SCHEMA_VERSIONS": json.dumps(ids | {"00": "later"}),
            "STACK_NAME": "s",
        }
    )
    transform = Transform(Rows(Decoder(read.codec), read.first_day))
    values = vars(Decoder().decode(EVENTS[1]))
    name = type(Decoder().decode(EVENTS[1])).__name__
    framed = encode(name, values, glue_encoders(ids))
    assert framed[:1] == b"\x03"
    [from_glue] = transform(event(framed)).answer["records"]
    [from_single_object] = TRANSFORM(event(encode(name, values))).answer["records"]
    assert lines(from_glue) == lines(from_single_object)


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"FIRST_DAY": "2025-01-01"}, "LAKE_BUCKET_NAME"),
        ({"LAKE_BUCKET_NAME": "b"}, "FIRST_DAY"),
        ({"LAKE_BUCKET_NAME": "b", "FIRST_DAY": "2025-01-01"}, "STACK_NAME"),
        ({"LAKE_BUCKET_NAME": "b", "FIRST_DAY": "January"}, "FIRST_DAY .* 'January'"),
        ({"LAKE_BUCKET_NAME": "b", "FIRST_DAY": "2025-01-01", "SCHEMA_VERSIONS": "{"}, "SCHEMA_VERSIONS must be"),
    ],
)
def test_a_missing_or_invalid_setting_is_named(environment: dict[str, str], names: str) -> None:
    with pytest.raises(LookupError, match=names):
        settings.Settings.read(environment)


class Bucket:
    """A bucket that keeps what is put, or refuses it."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open = is_open
        self.objects: dict[str, bytes] = {}

    def put_object(self, **call: Any) -> None:  # noqa: ANN401 -- as botocore's
        if not self.is_open:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
        self.objects[call["Key"]] = call["Body"]


class Log:
    """A logger and metrics that keep what they get."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.counted: dict[str, int] = {}

    def error(self, message: str, **fields: Any) -> None:  # noqa: ANN401 -- as Powertools'
        self.logged.append((message, fields))

    exception = info = error

    def add_metric(self, *, name: str, unit: str, value: int) -> None:
        assert unit == "Count"
        self.counted[name] = value

    def flush_metrics(self) -> None:
        self.counted["flushed"] = 1


def reported(bucket: Bucket, *datas: bytes) -> Log:
    log = Log()
    report: Any = Report
    report(lambda: bucket, "lake", log, log, lambda: datetime(2026, 11, 25, tzinfo=UTC))(
        "inv-1", TRANSFORM(event(*datas))
    )
    return log


def test_reasons_are_kept_with_the_failures() -> None:
    bucket = Bucket()
    log = reported(bucket, EVENTS[0], b"junk", EVENTS[1][:-1])
    [(key, body)] = bucket.objects.items()
    assert key == "errors/reasons/dt=2026-11-25/inv-1.jsonl"
    first, second = map(json.loads, body.splitlines())
    assert first["error"] == "UnknownFraming"
    assert first["sha256"] == sha256(b"junk").hexdigest()
    assert base64.b64decode(first["data"]) == b"junk"
    assert (second["recordId"], second["shardId"], second["sequenceNumber"], second["subsequenceNumber"]) == (
        "r-2",
        "shardId-0",
        "49",
        2,
    )
    assert [message for message, _ in log.logged] == ["record refused", "record refused", "batch transformed"]
    assert (log.counted["Rows"], log.counted["Refused"], log.counted["flushed"]) == (1, 2, 1)


def test_the_log_has_some_refusals_and_the_bucket_all() -> None:
    bucket = Bucket()
    log = reported(bucket, *[b"junk"] * (REFUSALS_LOGGED_MAX + 5))
    assert [message for message, _ in log.logged] == ["record refused"] * REFUSALS_LOGGED_MAX + ["batch transformed"]
    [body] = bucket.objects.values()
    assert len(body.splitlines()) == log.counted["Refused"] == REFUSALS_LOGGED_MAX + 5


def test_without_refusals_no_reasons_are_kept() -> None:
    bucket = Bucket()
    reported(bucket, EVENTS[0])
    assert bucket.objects == {}


def test_a_bucket_that_refuses_the_reasons_does_not_stop_the_batch() -> None:
    log = reported(Bucket(is_open=False), b"junk")
    messages = [message for message, _ in log.logged]
    assert messages == ["refusal reasons not written", "record refused", "batch transformed"]
