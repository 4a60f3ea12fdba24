"""The inbox's requests to DynamoDB, and which errors mean that a later attempt may succeed."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.dynamodb_item_inbox import FORMER_PAGES_MAX, DynamoDBItemInbox
from account_events.consumer.errors import Refused, Unavailable
from account_events.consumer.position import Position


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- boto3's client
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    return boto3.client("dynamodb", region_name="eu-central-1")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:  # noqa: ANN401 -- as above
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_position_is_read_with_strong_consistency(client: Any, stubber: Stubber) -> None:  # noqa: ANN401 -- as above
    """With a stale position, only the write would fail, and the work would have to start again."""
    asked = {"TableName": "inbox", "Key": {"AccountId": {"S": "a"}}, "ConsistentRead": True}
    stubber.add_response("get_item", {}, asked)
    assert DynamoDBInbox(client, "inbox").position("a") == Position()


ASKED = {"RequestItems": {"inbox": {"Keys": [{"AccountId": {"S": each}} for each in "abc"], "ConsistentRead": True}}}


def test_positions_are_read_with_one_strongly_consistent_request(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """DynamoDB returns items in any order, and none for a new account."""
    items = [{"AccountId": {"S": each}, "Last": {"N": "3"}, "Revision": {"N": "1"}} for each in "cb"]
    stubber.add_response("batch_get_item", {"Responses": {"inbox": items}, "UnprocessedKeys": {}}, ASKED)
    stored = Position(3, seen=3, revision=1)
    assert DynamoDBInbox(client, "inbox").positions("abc") == {"a": Position(), "b": stored, "c": stored}


def test_keys_left_unprocessed_are_missing_and_not_asked_for_again(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    left = {"inbox": {"Keys": [{"AccountId": {"S": "b"}}], "ConsistentRead": True}}
    stubber.add_response("batch_get_item", {"Responses": {"inbox": []}, "UnprocessedKeys": left}, ASKED)
    assert DynamoDBInbox(client, "inbox").positions("abc") == {"a": Position(), "c": Position()}


def test_only_accounts_without_a_position_are_read_from_the_former_inbox(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """An account that either table has left unprocessed is missing: it is not a new one."""

    def asked(table: str, accounts: str) -> dict[str, Any]:
        keys = [{"AccountId": {"S": each}} for each in accounts]
        return {"RequestItems": {table: {"Keys": keys, "ConsistentRead": True}}}

    def item(account_id: str, last: str) -> dict[str, Any]:
        return {"AccountId": {"S": account_id}, "Last": {"N": last}, "Revision": {"N": "1"}}

    row = {"AccountId": {"S": "b"}, "Owner": {"S": "o"}}
    left = {"items": {"Keys": [{"AccountId": {"S": "c"}}]}}
    found = {"Responses": {"items": [item("a", "3"), row]}, "UnprocessedKeys": left}
    stubber.add_response("batch_get_item", found, asked("items", "abcde"))
    left = {"inbox": {"Keys": [{"AccountId": {"S": "d"}}]}}
    found = {"Responses": {"inbox": [item("b", "5")]}, "UnprocessedKeys": left}
    stubber.add_response("batch_get_item", found, asked("inbox", "bde"))
    positions = DynamoDBItemInbox(client, "items", "inbox").positions("abcde")
    assert {account_id: each.last for account_id, each in positions.items()} == {"a": 3, "b": 5, "e": 0}


@pytest.mark.parametrize("unread", ["items", "inbox"])
def test_gaps_are_not_reported_from_items_left_unprocessed(client: Any, stubber: Stubber, unread: str) -> None:  # noqa: ANN401
    """The account lacks event 4. Without its own position, it would be events 1 to 3; without the former one, none."""
    account = {"AccountId": {"S": "a"}}
    waiting = {**account, "Last": {"N": "0"}, "MissingThrough": {"N": "3"}, "Since": {"N": "1.0"}}
    moved = {**account, "Last": {"N": "3"}, "Revision": {"N": "1"}}
    left = {**account, "Last": {"N": "0"}, "Seen": {"N": "4"}, "Revision": {"N": "1"}}
    for found in ([], [waiting]):
        stubber.add_response("query", {"Items": found})
    for table, item in (("items", moved), ("inbox", left)):
        if table == unread:
            keys = {table: {"Keys": [account]}}
            stubber.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": keys})
            break
        stubber.add_response("batch_get_item", {"Responses": {table: [item]}})
    with pytest.raises(Unavailable):
        DynamoDBItemInbox(client, "items", "inbox").gaps(9.0)


def test_a_report_examines_so_many_pages_of_the_former_inbox(client: Any, stubber: Stubber) -> None:  # noqa: ANN401
    """The stubber refuses a further request."""
    account = {"AccountId": {"S": "a"}}
    moved = {**account, "Last": {"N": "3"}, "Revision": {"N": "1"}}
    waiting = {**account, "Last": {"N": "0"}, "MissingThrough": {"N": "2"}, "Since": {"N": "1.0"}}
    stubber.add_response("query", {"Items": []})
    for _ in range(FORMER_PAGES_MAX):
        stubber.add_response("query", {"Items": [waiting], "LastEvaluatedKey": account})
        for table in ("items", "inbox"):
            stubber.add_response("batch_get_item", {"Responses": {table: [moved]}})
    assert DynamoDBItemInbox(client, "items", "inbox").gaps(9.0) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ProvisionedThroughputExceededException", Unavailable),
        ("ValidationException", Refused),
        ("AccessDeniedException", ClientError),
    ],
)
def test_errors_of_a_batched_read_have_the_classes_of_other_errors(
    client: Any,  # noqa: ANN401 -- as above
    stubber: Stubber,
    code: str,
    kind: type[Exception],
) -> None:
    stubber.add_client_error("batch_get_item", code, http_status_code=400)
    with pytest.raises(kind, match=code):
        DynamoDBInbox(client, "inbox").positions("abc")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SomethingElse", 500, Unavailable),
        ("SomethingElse", 503, Unavailable),
        ("ThrottlingException", 400, Unavailable),
        ("SomethingElse", 400, ClientError),
        ("SomethingElse", 499, ClientError),
    ],
)
def test_server_errors_are_unavailable_and_client_errors_are_not(
    client: Any,  # noqa: ANN401 -- as above
    stubber: Stubber,
    code: str,
    status: int,
    kind: type[Exception],
) -> None:
    stubber.add_client_error("get_item", code, http_status_code=status)
    with pytest.raises(kind) as raised:
        DynamoDBInbox(client, "inbox").position("a")
    assert code in str(raised.value)
