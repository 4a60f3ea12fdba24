"""`account-events why` on AWS: what it finds, and what it does if AWS refuses a request."""

import json
from datetime import timedelta

import pytest

from ops.cli.exit_handling import error_line
from ops.lake.query.engine import QueryFailed
from tests.support.aws_stack import AwsStack
from tests.unit.why.conftest import Why

NEVER = {"dynamodb:Scan", "dynamodb:PutItem", "dynamodb:UpdateItem", "s3:PutObject", "kinesis:PutRecords"}
SOURCES = {
    "logs:FilterLogEvents": "the API's log",
    "kinesis:ListShards": "the event stream",
    "kinesis:GetRecords": "the event stream",
    "s3:HeadObject": "the lake's files",
}


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
