"""Captured Lambda events become a complete stream. Anything else is refused, with its file, line and record."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.destination import invocation_record
from account_events.lambda_mapping.outcome import Invoked
from account_events.lambda_mapping.records import StreamRecord as MappedRecord
from account_events.lambda_mapping.shard import Condition, Discard
from account_events.testing import BadSource, TableStream, from_lambda_events, from_recording
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import KEY
from tests.unit.testing.streams import table_stream

STREAM = table_stream("ab", 4)
RECORDS = list(STREAM.records)
EVENT = {"Records": RECORDS}
LONG = "1" * 5_000
FIRST, SECOND = {"Records": RECORDS[:5]}, {"Records": RECORDS[5:]}
MAPPING = MappingConfig(
    uuid="u",
    stream_arn="arn:aws:dynamodb:eu-central-1:000000000000:table/accounts/stream/2026",
    function_arn="arn:aws:lambda:eu-central-1:000000000000:function:projector",
)


def discarded(*, with_payload: bool) -> dict[str, Any]:
    """The invocation record that the on-failure destination gets."""
    discard = Discard(tuple(map(MappedRecord.of, RECORDS)), Condition.RETRY_ATTEMPTS_EXHAUSTED, 3, Invoked())
    return invocation_record(MAPPING, "shardId-1", discard, now_s=1_769_851_900.0, with_payload=with_payload)


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "captured",
    [EVENT, [FIRST, SECOND], [SECOND, FIRST], RECORDS, discarded(with_payload=True), [{"payload": EVENT}]],
    ids=["event", "events", "events out of order", "records", "discarded", "discarded, payload as object"],
)
def test_every_form_gives_the_same_stream_from_memory_and_from_a_file(captured: Any, tmp_path: Path) -> None:  # noqa: ANN401 -- JSON
    for suffix, content in (
        (".json", json.dumps(captured, indent=2).encode()),
        (".gz", gzip.compress(json.dumps(captured).encode())),
    ):
        assert from_lambda_events(written(tmp_path / f"captured{suffix}", content)).records == STREAM.records
    assert from_lambda_events(captured).records == STREAM.records


def test_a_file_may_have_an_event_or_a_record_on_each_line(tmp_path: Path) -> None:
    lines = "\n\n".join(json.dumps(one) for one in (FIRST, SECOND)) + "\n"
    assert from_lambda_events(written(tmp_path / "log.jsonl", lines)).records == STREAM.records
    assert (
        from_lambda_events(str(written(tmp_path / "records.jsonl", "\n".join(map(json.dumps, RECORDS))))).repeats == 0
    )


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x7f", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_lines_end_at_line_feeds_only(separator: str, tmp_path: Path) -> None:
    """The first four are legal in JSON text as they are; JSON escapes the others."""
    records = [with_change(one) for one in RECORDS[:2]]
    records[0]["dynamodb"]["NewImage"] = RECORDS[0]["dynamodb"]["NewImage"] | {"CorrelationId": {"S": f"a{separator}b"}}
    for line_end in ("\n", "\r\n"):
        text = "".join(json.dumps(one, ensure_ascii=False) + line_end for one in records)
        stream = from_lambda_events(written(tmp_path / "log.jsonl", text))
        assert [one["dynamodb"]["NewImage"] for one in stream.records] == [
            one["dynamodb"]["NewImage"] for one in records
        ]
    with pytest.raises(BadSource, match="not JSON"):
        from_lambda_events(written(tmp_path / "log.jsonl", "\r".join(map(json.dumps, records))))


def test_records_of_a_captured_retry_are_counted_as_repeats() -> None:
    stream = from_lambda_events([FIRST, EVENT])
    assert (stream.records, stream.repeats) == (STREAM.records, 5)


def test_a_sample_event_without_times_can_be_replayed() -> None:
    bare = [
        {**one, "dynamodb": {k: v for k, v in one["dynamodb"].items() if k != "ApproximateCreationDateTime"}}
        for one in RECORDS
    ]
    done = MemoryProjector().replay(from_lambda_events(bare), batch_sizes=3)
    done.assert_delivered()


def test_a_capture_may_begin_in_the_middle_of_an_account() -> None:
    done = MemoryProjector().replay(from_lambda_events({"Records": RECORDS[4:]}))
    done.assert_delivered()
    assert done.sequences() == {"a": [3, 4], "b": [3, 4]}


def with_change(record: dict[str, Any] = RECORDS[0], **change: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    """The record with these members of its `dynamodb` set, or removed where the value is None."""
    both = record["dynamodb"] | change
    return {**record, "dynamodb": {name: value for name, value in both.items() if value is not None}}


def as_the_cli_prints(record: dict[str, Any], at: str) -> dict[str, Any]:
    timed = with_change(record, ApproximateCreationDateTime=at)
    return {name: value for name, value in timed.items() if name != "eventSourceARN"}


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-01-31T09:30:00+00:00", 1_769_851_800),
        ("2026-01-31T10:30:00.250000+01:00", 1_769_851_800.25),
        ("2026-01-31T09:30:00Z", 1_769_851_800),
    ],
)
def test_the_aws_clis_output_is_read_and_its_times_become_seconds(at: str, seconds: float, tmp_path: Path) -> None:
    printed = {"Records": [as_the_cli_prints(one, at) for one in RECORDS], "NextShardIterator": "AAA"}
    stream = from_lambda_events(written(tmp_path / "captured.json", json.dumps(printed)))
    assert {one["dynamodb"]["ApproximateCreationDateTime"] for one in stream.records} == {seconds}
    MemoryProjector().replay(stream, batch_sizes=3).assert_delivered()
    listed = from_recording(written(tmp_path / "records.json", json.dumps(printed["Records"])))
    assert listed.records == stream.records


def test_a_time_that_is_text_becomes_seconds() -> None:
    stream = from_lambda_events([with_change(ApproximateCreationDateTime="1678831218.0")])
    assert stream.records[0]["dynamodb"]["ApproximateCreationDateTime"] == 1_678_831_218


def test_removals_and_records_with_both_images_are_accepted() -> None:
    removed = with_change(RECORDS[1], NewImage=None, OldImage=RECORDS[1]["dynamodb"]["NewImage"])
    both = [{**one, "dynamodb": one["dynamodb"] | {"StreamViewType": "NEW_AND_OLD_IMAGES"}} for one in (RECORDS[0],)]
    assert len(from_lambda_events([*both, {**removed, "eventName": "REMOVE"}]).records) == 2


def test_a_capture_that_is_nested_too_deeply_is_refused() -> None:
    nested: list[Any] = RECORDS
    for _ in range(900):
        nested = [nested]
    with pytest.raises(BadSource, match="nested too deeply"):
        from_lambda_events(nested)
    with pytest.raises(BadSource, match="ApproximateCreationDateTime"):
        from_lambda_events([with_change(ApproximateCreationDateTime=10**5_000)])


OTHER = {
    **RECORDS[1],
    "dynamodb": {**RECORDS[1]["dynamodb"], "SequenceNumber": RECORDS[0]["dynamodb"]["SequenceNumber"]},
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("  \n", "the file is empty"),
        ("{", "line 1: not JSON"),
        (json.dumps(EVENT) + "\n{broken\n", "line 2: not JSON"),
        ('{"Records":\n [1,\n 2,,]}', "line 3: not JSON"),
        (b"{\xff}", "not UTF-8 at byte 1"),
        (b"\xff\xfe{\x00", "UTF-16, or not text; save it as UTF-8"),
        ('{"Records": [], "Records": []}', "an object has two members 'Records'"),
        (gzip.compress(json.dumps(EVENT).encode(), mtime=0)[:-9], "the gzip data is damaged"),
        ("[]", "it contains no record"),
        ('{"Records": []}', "it contains no record"),
        ("17", "neither an event with Records"),
        ('{"records": []}', "neither an event with Records"),
        ('{"Records": [17]}', "record 1: a record must be an object, not int"),
        ('{"Records": [{"eventSource": "aws:kinesis"}]}', "record 1: a record of aws:kinesis"),
        ('{"Records": [{"eventName": "INSERT", "dynamodb": {}}]}', r"record 1: .*SequenceNumber are required"),
        ('{"Records": [{"eventName": "INSERT", "dynamodb": {"SequenceNumber": "x1"}}]}', "SequenceNumber are required"),
        ('{"Records": [{"eventName": "insert", "dynamodb": {"SequenceNumber": "1"}}]}', "eventName and"),
        (json.dumps([RECORDS[0], OTHER]), "element 2: two different records have sequence number"),
        (json.dumps({"payload": "{"}), "its payload: not JSON"),
        (json.dumps({"payload": "[" * 100_000}), "its payload: nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ("{}\n" + "[" * 100_000, "line 2: nested too deeply"),
        (f'{{"Records": [{LONG}]}}', "a number with thousands of digits"),
        (f"{{}}\n{LONG}", "line 2: a number with thousands of digits"),
        (json.dumps([with_change(SequenceNumber=LONG)]), "SequenceNumber are required"),
        (
            json.dumps([with_change(Keys={"AccountId": {"S": "a"}, "Version": {"N": LONG}})]),
            "Version, .* has 5000",
        ),
        (json.dumps([with_change(StreamViewType="KEYS_ONLY", NewImage=None)]), "1: its StreamViewType KEYS_ONLY"),
        (json.dumps([with_change(StreamViewType="OLD_IMAGE")]), "element 1: its StreamViewType OLD_IMAGE"),
        (json.dumps([RECORDS[0], with_change(RECORDS[1], NewImage=None)]), "element 2: NewImage is missing"),
        (json.dumps([{**with_change(NewImage=None), "eventName": "MODIFY"}]), "element 1: NewImage is missing"),
        (
            json.dumps([with_change(Keys=RECORDS[0]["dynamodb"]["Keys"] | {"Id": {"S": "x"}})]),
            "must be one or two",
        ),
        (json.dumps([with_change(NewImage=17)]), "element 1: NewImage is missing"),
        (json.dumps([with_change(Keys=None)]), "element 1: not a record of a table"),
        (json.dumps([with_change(Keys={"Id": {"S": "x"}})]), "element 1: not a record of this table"),
        (json.dumps([with_change(Keys={"AccountId": {"S": "a"}})]), "element 1: not a record of this table"),
        (
            json.dumps([RECORDS[0], with_change(RECORDS[1], Keys={"AccountId": {"S": "a"}, "Version": {"S": "1"}})]),
            r"element 2: not from the table of the first record: its Keys are AccountId \(S\) and Version \(S\), not",
        ),
        (
            json.dumps([with_change(Keys={"AccountId": {"S": "a"}, "Version": {"N": "x"}})]),
            "Version, .* not a number",
        ),
        (json.dumps([with_change(Keys={"AccountId": {"S": ""}, "Version": {"N": "1"}})]), "AccountId, .* is empty"),
        (json.dumps([with_change(ApproximateCreationDateTime="yesterday")]), "element 1: ApproximateCreationDateTime"),
        (json.dumps([with_change(ApproximateCreationDateTime="2026-01-31T09:30:00")]), "ISO 8601 with an offset"),
        (json.dumps([with_change(ApproximateCreationDateTime=float("nan"))]), "ApproximateCreationDateTime"),
        (json.dumps([with_change(ApproximateCreationDateTime=True)]), "ApproximateCreationDateTime"),
        (json.dumps([with_change(ApproximateCreationDateTime=[])]), "ApproximateCreationDateTime"),
        (json.dumps(discarded(with_payload=False)), "only the positions of records; a destination in S3"),
    ],
)
def test_an_invalid_capture_is_refused_on_one_line_with_its_file(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadSource, match=rf"^[^\n]*captured\.json[^\n]*{message}[^\n]*$"):
        from_lambda_events(written(tmp_path / "captured.json", text), KEY)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"nowhere\.json: No such file"):
        from_lambda_events(tmp_path / "nowhere.json")
    with pytest.raises(BadSource, match="Is a directory"):
        from_lambda_events(tmp_path)


def test_records_in_order_are_a_stream_without_repeats() -> None:
    assert TableStream.of(RECORDS).repeats == 0
