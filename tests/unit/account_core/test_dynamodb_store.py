"""What the store makes of DynamoDB's answers; the ones that no emulator gives."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from account_core.dynamodb_store import DynamoDBAccountStore
from account_core.errors import Unavailable
from account_core.events import Created, Row
from account_core.head import Head, Origin, rows_for
from account_core.items import to_item
from account_core.ports import LostRace

[EVENT] = rows_for("a", Head(), Created("owner-1", "EUR"), Origin("2026-01-31T09:30:00.000001Z", "c"))
PAIR: list[Row] = [EVENT, EVENT]


def client() -> Any:  # noqa: ANN401 -- a boto3 client
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    return session.client("dynamodb")


def append(rows: list[Row], code: str, *reasons: dict[str, Any], status: int = 400) -> None:
    writes = client()
    with Stubber(writes) as stub:
        stub.add_client_error(
            "put_item" if len(rows) == 1 else "transact_write_items",
            code,
            http_status_code=status,
            modeled_fields={"CancellationReasons": list(reasons)} if reasons else None,
        )
        DynamoDBAccountStore(client(), writes, "accounts").append(rows)


@pytest.mark.parametrize("code", ["TransactionConflictException", "ReplicatedWriteConflictException"])
def test_a_row_in_somebody_s_transaction_is_a_lost_race_without_a_winner(code: str) -> None:
    with pytest.raises(LostRace) as lost:
        append([EVENT], code)
    assert lost.value.winner is None


def test_the_condition_s_failure_in_a_transaction_tells_the_winner() -> None:
    taken = {"Code": "ConditionalCheckFailed", "Item": to_item(EVENT)}
    with pytest.raises(LostRace) as lost:
        append(PAIR, "TransactionCanceledException", {"Code": "None"}, taken)
    assert lost.value.winner == EVENT


@pytest.mark.parametrize("other", ["None", "ThrottlingError"])
def test_a_transaction_that_met_another_is_a_lost_race(other: str) -> None:
    with pytest.raises(LostRace):
        append(PAIR, "TransactionCanceledException", {"Code": other}, {"Code": "TransactionConflict"})


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction_is_unavailable_and_stored_nothing(reason: str) -> None:
    with pytest.raises(Unavailable, match="nothing was stored"):
        append(PAIR, "TransactionCanceledException", {"Code": reason}, {"Code": "None"})


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("RequestLimitExceeded", 400),
        ("RequestTimeout", 408),
        ("TransactionInProgressException", 400),
        ("InternalServerError", 500),
        ("SomethingNew", 502),
    ],
)
def test_load_and_faults_of_the_service_are_unavailable(code: str, status: int) -> None:
    with pytest.raises(Unavailable, match="unknown"):
        append([EVENT], code, status=status)


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_what_no_retry_can_help_is_not_disguised(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        append([EVENT], code)
    with pytest.raises(ClientError):
        append(PAIR, "TransactionCanceledException", {"Code": "ValidationError"}, {"Code": "None"})


def test_a_read_is_one_strongly_consistent_query_of_ten_rows_newest_first() -> None:
    reads = client()
    expected = {
        "TableName": "accounts",
        "KeyConditionExpression": "AccountId = :account_id",
        "ExpressionAttributeValues": {":account_id": {"S": "a"}},
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": 10,
    }
    with Stubber(reads) as stub:
        stub.add_response("query", {"Items": [to_item(EVENT)]}, expected)
        assert DynamoDBAccountStore(reads, client(), "accounts").newest("a") == [EVENT]


def test_an_append_never_replaces_a_row() -> None:
    writes = client()
    expected = {
        "TableName": "accounts",
        "Item": to_item(EVENT),
        "ConditionExpression": "attribute_not_exists(Version)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    with Stubber(writes) as stub:
        stub.add_response("put_item", {}, expected)
        DynamoDBAccountStore(client(), writes, "accounts").append([EVENT])
        stub.add_response("transact_write_items", {}, {"TransactItems": [{"Put": expected}] * 2})
        DynamoDBAccountStore(client(), writes, "accounts").append(PAIR)
        stub.assert_no_pending_responses()
