"""What `doctor` reports about events that the read model lacks, and the commands that it names for their accounts."""

from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ops.doctor.published import PAGES_MAX
from tests.support.aws_s3_answers import Refused
from tests.support.aws_stack import ACCOUNTS, AwsStack
from tests.unit.doctor.examined import Doctor, found, kinds


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> AwsStack:
    """A stack whose read model lacks the newest event of an account, ten minutes old."""
    stack = AwsStack(tmp_path_factory.mktemp("lake"), newest=timedelta(minutes=10))
    stack.lagging.add("a-1")
    return stack


def test_an_event_that_the_whole_stream_lacks_is_not_published(busy: AwsStack, doctor: Doctor) -> None:
    [finding] = found(doctor(busy))
    assert (finding["kind"], finding["where"]) == ("events-not-published", "a-1")
    assert (finding["repair"], finding["look"]) == ("", "aws logs tail bank-ProjectorFunctionLogs --since 15m")


def test_the_stream_is_read_from_the_oldest_event_on(busy: AwsStack, healthy: AwsStack, doctor: Doctor) -> None:
    """So that it seldom ends before its newest record. It is never read from longer ago than fifteen minutes."""
    doctor(busy)
    assert abs(busy.now - busy.read_from - timedelta(minutes=11)) < timedelta(seconds=1)
    healthy.lagging.add("a-1")
    doctor(healthy)
    healthy.lagging.clear()
    assert abs(healthy.now - healthy.read_from - timedelta(minutes=15)) < timedelta(minutes=1)


def test_what_was_not_read_of_the_stream_is_unknown(
    busy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read of the stream ends before its newest record, as on a busy stream."""
    monkeypatch.setattr(busy, "stream_behind_ms", 1000)
    done = doctor(busy)
    [finding] = found(done)
    assert (finding["kind"], done.exit_code) == ("check-incomplete", 1)
    assert "a-1" in finding["what"]
    assert "unknown: shard-0 could not be read to the end" in finding["what"]
    monkeypatch.setattr(busy, "published", [busy.events("a-1")[-1]])
    assert kinds(doctor(busy)) == ["read-model-behind"], "what was read is known"


def test_an_event_may_be_in_a_record_that_cannot_be_read(
    busy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"SequenceNumber": "7", "PartitionKey": "1", "Data": b"no event", "ApproximateArrivalTimestamp": busy.now}
    answer = {"Records": [record], "NextShardIterator": "1", "MillisBehindLatest": 0}
    answers = {"0": answer, "1": answer | {"Records": []}}
    monkeypatch.setattr(
        busy, "_kinesis_get_records", lambda **request: answers[request["ShardIterator"]], raising=False
    )
    assert kinds(doctor(busy)) == ["stream-record-unreadable", "check-incomplete"]


def test_a_replay_names_every_account_that_may_not_be_published(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthy, "lagging", set(ACCOUNTS))
    [finding] = found(doctor(healthy))
    assert finding["kind"] == "events-not-delivered"
    assert finding["repair"] == (
        "account-events replay --account a-1 --account a-2 --account a-3 "
        "--to-stream bank-DomainEventsStream --live --stack bank"
    )


def waiting(number: int) -> dict[str, Any]:
    """The item of an account of the inbox that waits for event 2."""
    return {
        "AccountId": {"S": f"b-{number:02}"},
        "Last": {"N": "1"},
        "MissingThrough": {"N": "2"},
        "Since": {"N": "0"},
    }


@pytest.mark.parametrize(
    ("accounts", "in_command", "words"),
    [
        (1, 1, "1 account of the read model waits for a missing event; b-00 for event 2."),
        (40, 40, "40 accounts of the read model wait for a missing event; b-00 for event 2."),
        (45, 40, "The command names the first 40. Run doctor again afterwards for the other 5."),
        (100, 40, "At least 100 accounts of the read model wait"),
    ],
)
def test_a_replay_names_the_accounts_that_wait(  # noqa: PLR0917 -- of the parametrization
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, accounts: int, in_command: int, words: str
) -> None:
    monkeypatch.setattr(healthy, "gaps", [waiting(number) for number in range(accounts)])
    [finding] = found(doctor(healthy))
    assert finding["kind"] == "read-model-gap"
    assert finding["repair"].count("--account b-") == in_command
    assert words in finding["what"]


def test_a_busy_stream_is_read_only_up_to_the_time_of_the_run(
    busy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read returns further records, because others are written all the time."""
    monkeypatch.setattr(busy, "published", [busy.events("a-2")[-1]])
    once, arrivals = busy._kinesis_get_records, count()  # noqa: SLF001 -- replaced by a test

    def endless(**_: object) -> Any:  # noqa: ANN401 -- an answer
        answer, age = once("0", 1000), timedelta(seconds=3 - next(arrivals))
        for record in answer["Records"]:
            record["ApproximateArrivalTimestamp"] = busy.now - age
        return answer

    monkeypatch.setattr(busy, "_kinesis_get_records", endless)
    assert kinds(doctor(busy)) == ["events-not-published"]
    assert next(arrivals) < PAGES_MAX


def test_a_part_of_a_transaction_is_no_wrong_row(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that runs while a transaction is carried out may return some of its rows and not the others."""
    whole, rows = healthy.rows, healthy.rows["a-1"]
    part = {**whole, "a-1": [rows[0], rows[-1]]}
    reads = iter([part, *[whole] * 9])
    query = healthy._dynamodb_query  # noqa: SLF001 -- replaced by a test

    def answered(**asked: Any) -> Any:  # noqa: ANN401 -- any request and answer
        if asked["ExpressionAttributeValues"].get(":account_id") == {"S": "a-1"}:
            healthy.rows = next(reads)
        return query(**asked)

    monkeypatch.setattr(healthy, "rows", whole)
    monkeypatch.setattr(healthy, "_dynamodb_query", answered)
    assert found(doctor(healthy)) == []
    reads = iter([part] * 9)
    assert kinds(doctor(healthy)) == ["ledger-row-wrong"]


def test_a_computer_whose_clock_is_ahead_makes_no_event_late(tmp_path: Path, doctor: Doctor) -> None:
    """The newest event is ten seconds old; for the computer, more than four minutes."""
    ahead = timedelta(minutes=4)
    stack = AwsStack(tmp_path, newest=ahead + timedelta(seconds=10))
    stack.lagging, stack.now = set(ACCOUNTS), stack.now - ahead
    assert found(doctor(stack)) == []


def test_a_bucket_that_was_deleted_hides_no_account_that_waits(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = healthy._s3_list_objects_v2  # noqa: SLF001 -- replaced by a test

    def answered(**asked: Any) -> Any:  # noqa: ANN401 -- any request and answer
        if asked["Bucket"] == healthy.names["ConsumerFailures"]:
            raise Refused("NoSuchBucket")
        return listed(**asked)

    monkeypatch.setattr(healthy, "gaps", [waiting(1)])
    monkeypatch.setattr(healthy, "_s3_list_objects_v2", answered)
    assert kinds(doctor(healthy)) == ["read-model-gap"]
