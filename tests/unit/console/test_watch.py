"""What the console finds out about a stack on AWS, and what it shows when AWS refuses or does not answer."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from ops.console.accounts import Accounts
from ops.console.look import Look, is_unanswered, reason, remedy
from ops.console.subject import AWS_PACE, SharedClients, Subject
from ops.console.waiting import WaitingSource
from ops.console.watch import VIEW_S, Watch
from ops.doctor import run
from tests.support.aws_stack import ACCOUNTS, TEMPLATE, AwsStack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    stack = AwsStack(tmp_path)
    monkeypatch.setattr(boto3, "client", stack.client)
    monkeypatch.setattr(run, "read_template", TEMPLATE)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    return stack


@pytest.fixture
def watch(stack: AwsStack) -> Watch:
    return Watch(Subject(SharedClients.connect("bank"), "bank"), lambda: datetime.timestamp(stack.now))


def hops(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in status["hops"]}


def test_a_healthy_stack_works_everywhere(watch: Watch) -> None:
    assert list(watch.read()) == []
    status = watch.status(None)
    assert {each["name"]: each["state"] for each in status["hops"]} == dict.fromkeys(
        ("ledger", "projector", "stream", "read model", "lake"), "working"
    )
    assert status["is_reachable"]
    empty = {name: status[name] for name in ("parked", "gaps", "alarms", "faults", "incomplete", "reason", "advice")}
    assert not any(empty.values()), empty
    assert status["failed_batches"] == {"count": 0, "command": "account-events release --failures --stack bank"}
    assert AWS_PACE.events_s >= 1


def test_it_never_reads_the_stream_of_the_table_and_changes_nothing(stack: AwsStack, watch: Watch) -> None:
    stack.published = stack.events("a-1")
    list(watch.read())
    watch.status(None)
    accounts = Accounts(SharedClients.connect("bank"), WaitingSource(SharedClients.connect("bank"), "", lambda: 0.0))
    accounts.page("a-1", None)
    operations = {each.partition(":")[2] for each in stack.calls}
    assert {each for each in operations if not each.startswith(("Describe", "List", "Get", "Query", "Batch"))} == set()
    assert not any(each.startswith("dynamodbstreams") for each in stack.calls)


def test_events_on_the_stream_are_decoded(stack: AwsStack, watch: Watch) -> None:
    stack.published = stack.events("a-1")
    found = list(watch.read())
    assert [(each.event.name, each.event.fields["sequence"]) for each in found] == [
        ("AccountCreated", 1),
        ("BalanceCredited", 2),
        ("BalanceWithdrawn", 3),
    ]


def test_a_mapping_that_does_not_poll_is_stopped_with_its_command(stack: AwsStack, watch: Watch) -> None:
    stack.polls = False
    found = hops(watch.status(None))
    assert found["projector"]["state"] == "stopped"
    assert found["projector"]["command"].startswith("aws lambda get-event-source-mapping --uuid ")
    assert found["projector"]["runbook"] == "projectorstopped"
    assert found["read model"]["runbook"] == "accountsbyownerstopped"


def test_alarms_that_fire_are_shown_with_their_entry(stack: AwsStack, watch: Watch) -> None:
    stack.firing = {"ProjectorParks"}
    [alarm] = watch.status(None)["alarms"]
    assert (alarm["name"], alarm["runbook"]) == ("ProjectorParks", "projectorparks")


def test_a_gap_names_the_command_that_publishes_its_events_again(stack: AwsStack, watch: Watch) -> None:
    number = {"N": "2"}
    since = {"N": str((stack.now - timedelta(hours=1)).timestamp())}
    stack.gaps = [{"AccountId": {"S": "a-1"}, "Last": number, "MissingThrough": {"N": "4"}, "Since": since}]
    status = watch.status(None)
    [gap] = status["gaps"]
    assert (gap["account_id"], gap["missing"]) == ("a-1", "3 to 4")
    assert gap["command"].startswith("account-events replay --account a-1 --to-stream bank-")
    assert gap["command"].endswith(" --live --stack bank")
    assert hops(status)["read model"]["command"] == gap["command"]


def test_a_part_that_may_not_be_read_hides_no_other(stack: AwsStack, watch: Watch) -> None:
    assert hops(watch.status(None))["projector"]["state"] == "working"
    stack.errors = {"lambda:GetEventSourceMapping": "AccessDeniedException"}
    status = watch.status(None)
    found = hops(status)
    assert status["is_reachable"]
    assert (found["projector"]["state"], found["lake"]["state"]) == ("unknown", "working")
    [incomplete] = status["incomplete"]
    assert incomplete.startswith("mappings could not be read: ClientError: ")
    assert "AccessDeniedException" in incomplete


def test_a_stack_whose_credentials_expire_is_unreachable_until_renewed(stack: AwsStack, watch: Watch) -> None:
    stack.firing = {"ProjectorParks"}
    before = watch.status(None)
    expired = "ExpiredTokenException"
    services = ("dynamodb:DescribeTable", "dynamodb:Query", "s3:ListObjectsV2", "lambda:GetEventSourceMapping")
    alarms = ("cloudwatch:DescribeAlarms", "firehose:DescribeDeliveryStream", "cloudwatch:GetMetricStatistics")
    stack.errors = dict.fromkeys((*services, *alarms), expired)
    status = watch.status(None)
    assert not status["is_reachable"]
    assert expired in status["reason"]
    assert status["advice"] == "Sign in again, or set AWS_PROFILE. The console tries again by itself."
    assert {each["state"] for each in status["hops"]} == {"unknown"}
    assert (status["alarms"], status["incomplete"]) == (before["alarms"], [])
    stack.errors = {}
    assert watch.status(None)["is_reachable"]


def test_errors_of_the_stream_are_shown_and_pass(stack: AwsStack, watch: Watch) -> None:
    list(watch.read())
    stack.errors = {"kinesis:GetRecords": "ProvisionedThroughputExceededException"}
    assert list(watch.read()) == []
    found = hops(watch.status(None))["stream"]
    assert found["state"] == "unknown"
    assert "ProvisionedThroughputExceededException" in found["detail"]
    stack.errors = {}
    list(watch.read())
    newest = {"arrived_at": "2026-11-30T09:30:01.000000Z", "lag": {"to_stream_ms": 5}}
    found = hops(watch.status(newest))["stream"]
    assert (found["state"], found["lag_ms"]) == ("working", 5)
    assert "09:30:01" in found["detail"]


def test_the_stack_is_described_again_after_a_while(stack: AwsStack, watch: Watch) -> None:
    watch.status(None)
    stack.calls.clear()
    watch.status(None)
    assert "cloudformation:ListStackResources" not in stack.calls
    stack.now += timedelta(seconds=VIEW_S + 1)
    watch.status(None)
    assert "cloudformation:ListStackResources" in stack.calls


def test_an_account_is_looked_up_in_ledger_read_model_and_inbox(stack: AwsStack) -> None:
    deployment = SharedClients.connect("bank")
    accounts = Accounts(deployment, WaitingSource(deployment, " --stack bank", lambda: 0.0))
    stack.lagging = {"a-1"}
    found = accounts.page("a-1", None)
    assert found is not None
    assert found["read_model"] == {"sequence": 2, "balance": "5.00"}
    assert (found["parked"], found["waiting"], found["newest_version"]) == (None, None, 3)
    assert accounts.page("nobody", None) is None
    assert accounts.page("a-1", 1) is not None
    listed = accounts.found("a-1")
    assert listed is not None
    assert (listed["owner"], listed["balance"]) == ("owner-1", "4.00")
    stack.errors = {"dynamodb:Query": "ValidationException"}
    for text in ("", "x" * 2_000):  # no key may be so
        assert accounts.found(text) is None
        assert accounts.page(text, None) is None
    stack.errors = {}
    assert accounts.owners(list(ACCOUNTS)) == dict.fromkeys(ACCOUNTS, "owner-1")
    assert accounts.owners([]) == {}


def test_a_look_keeps_what_it_found_before() -> None:
    known: dict[str, Any] = {}
    look = Look(known)
    assert look.at("a", lambda: 1, 0) == 1

    def fails() -> int:
        raise EndpointConnectionError(endpoint_url="http://x")

    assert (look.at("a", fails, 0), look.at("b", fails, 7)) == (1, 7)
    assert (look.answers, list(look.failures), look.has_no_answer) == (1, ["a", "b"], False)
    other = Look(known)
    assert other.at("a", fails, 0) == 1
    assert other.has_no_answer
    assert isinstance(other.first_failure, EndpointConnectionError)


def test_only_silence_counts_as_no_answer() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Query")
    assert not is_unanswered(refused)
    assert not is_unanswered(KeyError("x"))
    assert is_unanswered(NoCredentialsError())
    wrapped = RuntimeError("unavailable")
    wrapped.__cause__ = EndpointConnectionError(endpoint_url="http://x")
    assert is_unanswered(wrapped)
    assert reason(wrapped).startswith("EndpointConnectionError: ")


def test_the_remedy_does_not_ask_for_the_command_again() -> None:
    silent = EndpointConnectionError(endpoint_url="http://x")
    assert remedy(silent, is_local=True).startswith("If the local stack has stopped")
    assert "run the command" not in remedy(silent, is_local=False)
    assert remedy(KeyError("x"), is_local=True) == "The console tries again by itself."
