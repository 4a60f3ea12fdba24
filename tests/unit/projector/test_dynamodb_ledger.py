"""The requests to the table. tests/contract/test_dynamodb_ledger.py tests the results on real tables."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from account_core.rows.items import to_item
from projector.dynamodb_ledger import RECENT_ROWS, DynamoDBLedger
from projector.outgoing import Outgoing, Poison
from projector.predecessors import Key
from tests.support.rows import history

ROWS = [to_item(row) for row in history("a", 12)]
KEYS = [Key("a", 10), Key("b", 2)]
KEY_A: dict[str, Any] = {"AccountId": {"S": "a"}, "Version": {"N": "11"}}
AT_A = {"AccountId": {"S": "a"}, "Timestamp": {"S": "1970-01-01T00:00:01.000002Z"}}
AT_C = AT_A | {"AccountId": {"S": "c"}}
KEY_B: dict[str, Any] = {"AccountId": {"S": "b"}, "Version": {"N": "2"}}


@pytest.fixture
def client() -> Any:  # noqa: ANN401 -- boto3's clients are made at run time
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    return session.client("dynamodb")


def test_times_are_read_strongly_consistent_in_one_request(client: Any) -> None:  # noqa: ANN401
    keys = {
        "Keys": [KEY_A, KEY_B],
        "ConsistentRead": True,
        "ProjectionExpression": "AccountId, #timestamp",
        "ExpressionAttributeNames": {"#timestamp": "Timestamp"},
    }
    with Stubber(client) as stub:
        stub.add_response("batch_get_item", {"Responses": {"accounts": [AT_A]}}, {"RequestItems": {"accounts": keys}})
        assert DynamoDBLedger(client, "accounts").times(KEYS) == {"a": 1_000_002, "b": None}


def test_a_key_left_unprocessed_is_missing(client: Any) -> None:  # noqa: ANN401
    answer = {"Responses": {"accounts": []}, "UnprocessedKeys": {"accounts": {"Keys": [KEY_B]}}}
    with Stubber(client) as stub:
        stub.add_response("batch_get_item", answer)
        assert DynamoDBLedger(client, "accounts").times(KEYS) == {"a": None}


def test_only_a_key_that_dynamodb_refuses_has_no_time(client: Any) -> None:  # noqa: ANN401
    """DynamoDB refuses the whole request because of one key."""
    keys = [*KEYS, Key("refused", 5), Key("c", 2)]
    with Stubber(client) as stub:
        stub.add_client_error("batch_get_item", "ValidationException")
        stub.add_response("batch_get_item", {"Responses": {"accounts": []}})
        stub.add_client_error("batch_get_item", "ValidationException")
        stub.add_client_error("batch_get_item", "ValidationException")
        stub.add_response("batch_get_item", {"Responses": {"accounts": [AT_C]}})
        times = DynamoDBLedger(client, "accounts").times(keys)
        stub.assert_no_pending_responses()
    assert times == {"a": None, "b": None, "refused": None, "c": 1_000_002}


def test_further_pages_have_no_limit(client: Any) -> None:  # noqa: ANN401
    """Otherwise, reading a window with thousands of events would use up the function's time."""
    requests: list[dict[str, Any]] = []
    client.meta.events.register("before-parameter-build.dynamodb", lambda params, **_: requests.append({**params}))
    with Stubber(client) as stub:
        stub.add_response("query", {"Items": ROWS[11:7:-1], "LastEvaluatedKey": KEY_A})
        stub.add_response("query", {"Items": ROWS[7::-1]})
        arrivals = DynamoDBLedger(client, "accounts").recent(Key("a", 11), None, 100_000_000, 7)
        stub.assert_no_pending_responses()
    assert [arrival.sequence for arrival in arrivals] == [*range(1, 12)]
    assert [(each.get("Limit"), each.get("ExclusiveStartKey")) for each in requests] == [(20, None), (None, KEY_A)]


def test_a_window_that_dynamodb_refuses_to_read_is_poison(client: Any) -> None:  # noqa: ANN401
    with Stubber(client) as stub:
        stub.add_client_error("query", "ValidationException")
        [poison] = DynamoDBLedger(client, "accounts").recent(Key("a", 10), None, 1, 7)
    assert isinstance(poison, Poison)
    assert (poison.sequence, poison.version, poison.position) == (10, 11, 7)


def test_a_window_is_read_strongly_consistent_and_newest_first(client: Any) -> None:  # noqa: ANN401
    expected = {
        "TableName": "accounts",
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": RECENT_ROWS,
        "KeyConditionExpression": "AccountId = :account_id AND Version <= :last",
        "ExpressionAttributeValues": {":account_id": {"S": "a"}, ":last": {"N": "12"}},
    }
    page = {"Items": ROWS[11:8:-1], "LastEvaluatedKey": KEY_A}
    with Stubber(client) as stub:
        stub.add_response("query", page, expected)  # one request, because the page shows where the window begins
        arrivals = DynamoDBLedger(client, "accounts").recent(Key("a", 11), None, 1_000_000, 7)
    assert [(arrival.sequence, arrival.position) for arrival in arrivals] == [(11, 7)]


def test_missing_events_are_read_strongly_consistent_by_their_versions(client: Any) -> None:  # noqa: ANN401
    """An eventually consistent read could miss a row that is already in the stream, and park its account."""
    expected = {
        "TableName": "accounts",
        "ConsistentRead": True,
        "KeyConditionExpression": "AccountId = :account_id AND Version BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":account_id": {"S": "a"}, ":first": {"N": "9"}, ":last": {"N": "12"}},
    }
    with Stubber(client) as stub:
        stub.add_response("query", {"Items": ROWS[8:12]}, expected)
        arrivals = DynamoDBLedger(client, "accounts").events("a", 9, 11, 7)
    assert [(arrival.sequence, arrival.position) for arrival in arrivals] == [(9, 7), (10, 7), (11, 7)]


def test_a_stray_row_between_two_versions_is_not_one_of_the_events(client: Any) -> None:  # noqa: ANN401
    with Stubber(client) as stub:
        stub.add_response("query", {"Items": [*ROWS[:2], {**ROWS[1], "Version": {"N": "2.5"}}, ROWS[2]]})
        arrivals = DynamoDBLedger(client, "accounts").events("a", 1, 3, 7)
    assert [arrival.sequence for arrival in arrivals] == [1, 2, 3]
    assert all(isinstance(arrival, Outgoing) for arrival in arrivals)
