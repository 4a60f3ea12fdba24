"""Situations on AWS in which an event is late, not published, or known only to some of the sources."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Answer, QueryFailed
from tests.support.aws_stack import AwsStack
from tests.unit.why.conftest import Why
from tests.unit.why.given import line


def test_a_delivery_that_stands_still_is_named_as_the_cause(
    published: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwsStack, "engine", lambda stack, _day=None: DuckDBEngine(str(stack.root / "empty")))
    described = published._firehose_describe_delivery_stream("bank-lake")  # noqa: SLF001 -- a fake's answer
    described["DeliveryStreamDescription"]["DeliveryStreamStatus"] = "SUSPENDED"
    monkeypatch.setattr(published, "_firehose_describe_delivery_stream", lambda **_: described, raising=False)
    done = why(published, "a-1:3")
    assert done.exit_code == 1
    assert "lake-delivery-not-active: The delivery stream " in done.stderr
    assert "Not searched" not in done.stderr


def test_nothing_stands_still_in_a_healthy_stack(healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healthy, "lagging", {"a-1"})
    assert "Not searched" not in why(healthy, "a-1:3").stderr


def test_a_rebuilt_event_that_is_not_on_the_stream_is_not_published(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read model and the lake have it from the table: other consumers lack it."""
    real = AwsStack.engine

    class Backfilled:
        def __init__(self, stack: AwsStack) -> None:
            self._engine = real(stack)

        def located(self, columns: str, rest: str, parameters: Sequence[str]) -> Answer:
            found = self._engine.located(columns, rest, parameters)
            at = found.columns.index("published_at")
            return replace(found, rows=[(*row[:at], None, *row[at + 1 :]) for row in found.rows])

    monkeypatch.setattr(AwsStack, "engine", lambda stack, _day=None: Backfilled(stack))
    done = why(healthy, "a-1:3")
    assert done.exit_code == 1, done.output
    assert "not-published: " in done.stderr
    monkeypatch.setattr(healthy, "published", [healthy.events("a-1")[-1]])
    assert why(healthy, "a-1:3").exit_code == 0
    monkeypatch.setattr(healthy, "published", [])
    monkeypatch.setitem(healthy.errors, "kinesis:GetRecords", "AccessDeniedException")
    assert why(healthy, "a-1:3").exit_code == 0, "the stream is unknown, and the read model has the event"


def test_a_published_event_names_why_its_record_was_not_read(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(healthy.errors, "kinesis:GetRecords", "AccessDeniedException")
        done = why(healthy, "a-1:3")
    assert "the stream no longer has it" not in done.stdout
    assert "shard and sequence number are unknown: An error occurred (AccessDeniedException)" in done.stdout


def test_a_command_whose_answer_was_lost_made_its_event(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = healthy.events("a-1")[-1]
    lost = line(newest, status=503, code="unavailable", request_id="r-lost", sequence=None)
    monkeypatch.setattr(healthy, "log", [lost])
    done = why(healthy, "r-lost")
    assert done.exit_code == 0, done.output
    assert "of event a-1:3." in done.stdout
    assert "withdraw answered 503 unavailable; request id r-lost" in done.stdout
    assert "outcome-unknown" not in done.stderr


def test_a_refused_command_stays_refused_after_a_later_one_with_its_key(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = healthy.events("a-1")[-1]
    refused = line(newest, status=422, code="insufficient_funds", request_id="r-422", sequence=None)
    monkeypatch.setattr(healthy, "log", [refused])
    found = json.loads(why(healthy, "r-422", "--json").stdout)
    assert [event["event_id"] for event in found["events"]] == ["a-1:3"]
    assert [each["finding"]["kind"] for each in found["requests"]] == ["refused"]


def test_a_sequence_beyond_the_accounts_names_its_newest_event(healthy: AwsStack, why: Why) -> None:
    done = why(healthy, "a-1:4")
    assert done.exit_code == 2
    assert "as an event id (the newest event of the account is a-1:3)" in done.stderr


def test_a_key_is_looked_up_in_its_account_although_it_is_an_account_id(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(healthy.events("a-2")[-1].command_id)
    monkeypatch.setitem(healthy.rows, key, healthy.rows["a-3"])
    found = json.loads(why(healthy, key, "--account", "a-2", "--json").stdout)
    assert "a-2:3" in [event["event_id"] for event in found["events"]]
    assert found["kinds"][:2] == ["account id", "idempotency key"]
    assert "as a key of account a-2" in found["searched"][0]


def test_the_log_is_searched_only_as_far_as_it_is_kept(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(healthy.parameters, "LogRetentionDays", "14")
    done = why(healthy, "unknown", "--days", "90")
    assert f"the API's log, from {healthy.now - timedelta(days=14):%Y-%m-%d}" in done.stderr
    assert f"the lake, from {healthy.now - timedelta(days=90):%Y-%m-%d}" in done.stderr


def test_a_search_that_a_narrower_one_replaces_leaves_the_event_known(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Athena refuses a search over many days, but not one over the event's day."""
    monkeypatch.setattr(healthy, "published", healthy.events("a-1"))
    real = AwsStack.engine

    class Limited:
        def __init__(self, stack: AwsStack) -> None:
            self._engine = real(stack)

        def located(self, columns: str, rest: str, parameters: Sequence[str]) -> Answer:
            if "correlation_id = ?" in rest:
                raise QueryFailed("Athena: Bytes scanned limit was exceeded")
            return self._engine.located(columns, f"WHERE false AND {rest.removeprefix('WHERE')}", parameters)

    monkeypatch.setattr(AwsStack, "engine", lambda stack, _day=None: Limited(stack))
    done = why(healthy, "a-1")
    assert "on-its-way: The delivery buffers it." in done.stderr
    assert "check-incomplete" not in done.stderr
    assert "Not searched: the lake: QueryFailed: Athena: Bytes scanned limit" in done.stderr


def test_an_event_that_is_applied_meanwhile_is_not_called_missing(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row and the inbox's position change in one transaction, between the reads of the two."""
    real = healthy._dynamodb_get_item  # noqa: SLF001 -- a fake's answer
    monkeypatch.setattr(healthy, "lagging", {"a-1"})

    def answered(TableName: str, **request: Any) -> Any:  # noqa: N803, ANN401 -- the API's
        answer = real(TableName, **request)
        if TableName != healthy.names["AccountsTable"]:
            healthy.lagging.discard("a-1")
        return answer

    monkeypatch.setattr(healthy, "_dynamodb_get_item", answered, raising=False)
    done = why(healthy, "a-1:3")
    assert done.exit_code == 0, done.output
    assert "position is 3" in done.stdout


def test_the_stream_is_not_read_for_an_account_with_many_requests(
    published: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its consumers share the reads of the stream."""
    monkeypatch.setattr("ops.why.sources.request_log.LINES_MAX", 1)
    found = json.loads(why(published, "a-1", "--json").stdout)
    assert found["not_searched"] == ["the log has more lines of this id: only the newest 1 were read"]
    assert not [each for each in found["searched"] if "the event stream" in each]
    assert (found["events_found"], found["may_have_more"]) == (3, False)


def test_an_event_without_a_valid_time_is_not_called_missing_in_the_lake(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lake has it, in the files of a day that is not known."""
    *others, newest = healthy.rows["a-1"]
    monkeypatch.setitem(healthy.rows, "a-1", [*others, replace(newest, occurred_at="noon")])
    done = why(healthy, "a-1:3")
    assert done.exit_code == 1
    assert "Whether event a-1:3 is in the lake is unknown: its row has no valid time" in done.stderr
    assert "not-in-lake" not in done.stderr
