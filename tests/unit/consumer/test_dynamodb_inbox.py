"""The inbox's requests to DynamoDB, and which errors mean that a later attempt may succeed."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.errors import Unavailable
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
