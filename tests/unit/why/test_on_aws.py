"""`account-events why` on AWS: what it finds, and what it does if AWS refuses a request."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from account_core.domain.events import EventRow
from ops.cli.exit_handling import error_line
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Answer, QueryFailed
from tests.support.aws_stack import AwsStack
from tests.unit.why.conftest import Why

NEVER = {"dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem", "s3:PutObject", "kinesis:PutRecords"}
SOURCES = {
    "logs:FilterLogEvents": "the API's log",
    "kinesis:ListShards": "the event stream",
    "kinesis:GetRecords": "the event stream",
    "s3:HeadObject": "the lake's files",
}


@pytest.fixture
def published(healthy: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    """The newest event of a-1 is on the stream, its request is in the log, and a later command was refused."""
    newest = healthy.events("a-1")[-1]
    monkeypatch.setattr(healthy, "published", [newest])
    refused = line(
        healthy, newest, status=422, code="insufficient_funds", request_id="r-refused", sequence=None, command_id="k-9"
    )
    monkeypatch.setattr(healthy, "log", [line(healthy, newest), refused])
    return healthy


def line(_stack: AwsStack, row: EventRow, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of a log line
    """The log event of a row's request."""
    fields = {
        "message": "request",
        "operation": "withdraw",
        "status": 200,
        "account_id": row.account_id,
        "sequence": row.sequence,
        "is_replay": False,
        "request_id": row.request_id,
        "correlation_id": row.correlation_id,
        "command_id": row.command_id,
    } | changes
    at = datetime.fromisoformat(row.occurred_at) + timedelta(milliseconds=30)
    message = json.dumps({name: value for name, value in fields.items() if value is not None})
    return {"timestamp": round(at.timestamp() * 1000), "message": message}


@pytest.mark.parametrize("identifier", ["a-1:3", "c-a-1-3", "r-a-1-3"])
def test_an_event_is_followed_from_its_request_to_the_lake(published: AwsStack, why: Why, identifier: str) -> None:
    published.calls.clear()
    done = why(published, identifier)
    assert done.exit_code == 0, done.output
    assert "of event a-1:3." in done.stdout
    for text in (
        "withdraw answered 200",
        "WITHDRAW, version 3",
        "shard-0, sequence number 1",
        "position is 3",
        ".parquet",
    ):
        assert text in done.stdout
    assert "✓ It is everywhere" in done.stdout
    assert not published.calls & NEVER


def test_an_account_has_its_events_and_its_refused_commands(published: AwsStack, why: Why) -> None:
    done = why(published, "a-1", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["format"], found["kinds"], found["is_everywhere"]) == (0, 1, ["account id"], True)
    assert [event["event_id"] for event in found["events"]] == ["a-1:3", "a-1:2", "a-1:1"]
    [refused] = found["requests"]
    assert (refused["request_id"], refused["finding"]["kind"]) == ("r-refused", "refused")


def test_a_key_with_its_account_is_looked_up_by_the_index(healthy: AwsStack, why: Why) -> None:
    done = why(healthy, "k-3", "--account", "a-2", "--json", "--days", "1")
    found = json.loads(done.stdout)
    assert [event["event_id"] for event in found["events"]] == ["a-3:3", "a-2:3", "a-1:3"], "keys are the caller's"
    assert "as a key of account a-2" in found["searched"][0]


@pytest.mark.parametrize(("operation", "name"), SOURCES.items())
def test_a_source_that_aws_refuses_is_named_and_the_rest_is_shown(
    published: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch, operation: str, name: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(published.errors, operation, "AccessDeniedException")
        done = why(published, "a-1:3")
    assert done.exit_code == 0, done.output
    assert f"Not searched: {name}: An error occurred (AccessDeniedException) when calling the " in done.stderr
    assert "Use AWS credentials that are allowed to do this" in done.stderr
    assert "WITHDRAW, version 3" in done.stdout


def test_a_lake_that_cannot_be_queried_leaves_the_event_unknown(
    published: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def located(self, *_: object) -> None:
            raise QueryFailed("Athena: AccessDenied")

    monkeypatch.setattr(AwsStack, "engine", lambda _stack, _day=None: Refusing())
    done = why(published, "a-1:3")
    assert done.exit_code == 1
    what = "Whether event a-1:3 is in the lake is unknown: QueryFailed: Athena: AccessDenied."
    assert f"check-incomplete: {what}" in done.stderr
    assert "WITHDRAW, version 3" in done.stdout


@pytest.mark.parametrize(
    ("operation", "identifier"),
    [("dynamodb:GetItem", "a-1:3"), ("dynamodb:Query", "a-1"), ("cloudformation:DescribeStacks", "a-1")],
)
def test_a_table_or_stack_that_cannot_be_read_ends_the_command(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch, operation: str, identifier: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(healthy.errors, operation, "AccessDeniedException")
        done = why(healthy, identifier)
    text = error_line(done.exception)
    assert done.exit_code == 1
    assert text is not None
    assert "AccessDeniedException" in text


def test_an_unknown_id_exits_with_2_and_what_was_searched(healthy: AwsStack, why: Why) -> None:
    done = why(healthy, "unknown", "--days", "2")
    assert done.exit_code == 2
    assert "unknown was not found." in done.stderr
    since = f"{healthy.now - timedelta(days=2):%Y-%m-%d}"
    assert f"the lake, from {since} to" in done.stderr
    assert "the event stream, 1 shard from" in done.stderr
    assert f"the API's log, from {since}" in done.stderr


@pytest.mark.parametrize("arguments", [[""], ["a b"], ["a-1", "--days", "0"], ["a-1", "--days", "3651"], []])
def test_bad_input_is_a_usage_error(healthy: AwsStack, why: Why, arguments: list[str]) -> None:
    healthy.calls.clear()
    assert why(healthy, *arguments).exit_code == 2
    assert not healthy.calls


def test_an_event_that_the_read_model_lacks_has_its_command(
    healthy: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthy, "lagging", {"a-1"})
    done = why(healthy, "a-1:3")
    assert done.exit_code == 1
    assert "Repair: account-events owners rebuild a-1 --stack bank" in done.stderr
    assert "Runbook: docs/runbook.md#accountsbyownerisbehind" in done.stderr


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
    lost = line(healthy, newest, status=503, code="unavailable", request_id="r-lost", sequence=None)
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
    refused = line(healthy, newest, status=422, code="insufficient_funds", request_id="r-422", sequence=None)
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
    monkeypatch.setitem(healthy.rows, key, healthy.rows["a-3"])  # type: ignore[index]
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


def test_an_event_that_is_applied_while_the_command_runs_is_not_called_missing(
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
