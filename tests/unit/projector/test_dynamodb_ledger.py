"""What is asked of the table; that it answers is in tests/contract/test_dynamodb_ledger.py."""

import boto3
from botocore.stub import Stubber

from account_core.items import to_item
from account_events.testing.records import history
from projector.dynamodb_ledger import DynamoDBLedger
from projector.outgoing import Outgoing


def test_missing_events_are_read_strongly_consistent_by_their_versions() -> None:
    """An eventually consistent read could miss a row that the stream has shown already, and park its account."""
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    client = session.client("dynamodb")
    rows = [to_item(row) for row in history("a", 12)]
    expected = {
        "TableName": "accounts",
        "ConsistentRead": True,
        "KeyConditionExpression": "AccountId = :account_id AND Version BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":account_id": {"S": "a"}, ":first": {"N": "9"}, ":last": {"N": "12"}},
    }
    with Stubber(client) as stub:
        stub.add_response("query", {"Items": rows[8:12]}, expected)
        arrivals = DynamoDBLedger(client, "accounts").events("a", 9, 11, 7)
    assert [(arrival.sequence, arrival.position) for arrival in arrivals] == [(9, 7), (10, 7), (11, 7)]


def test_a_stray_row_between_two_versions_is_not_one_of_the_events() -> None:
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    client = session.client("dynamodb")
    rows = [to_item(row) for row in history("a", 3)]
    with Stubber(client) as stub:
        stub.add_response("query", {"Items": [*rows[:2], {**rows[1], "Version": {"N": "2.5"}}, rows[2]]})
        arrivals = DynamoDBLedger(client, "accounts").events("a", 1, 3, 7)
    assert [arrival.sequence for arrival in arrivals] == [1, 2, 3]
    assert all(isinstance(arrival, Outgoing) for arrival in arrivals)
