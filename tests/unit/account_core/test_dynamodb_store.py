"""How the store handles DynamoDB's answers that no emulator gives."""

from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from account_core.domain.account import Account
from account_core.domain.errors import AccountFull, Corrupt, Unavailable
from account_core.domain.events import Created, Credited, Row
from account_core.rows.items import to_item
from account_core.service.head import Head, Origin, rows_for
from account_core.service.ports import VersionConflict, WriteConflict
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "c", "request-1")
[EVENT] = rows_for("a", Head(), Created("owner-1", "EUR"), ORIGIN)
NINTH = Head(Account("owner-1", "EUR", Decimal("8.00")), 8, 8, ORIGIN.occurred_at)
PAIR = rows_for("a", NINTH, Credited(Decimal("1.00")), ORIGIN)
FULL = "ItemCollectionSizeLimitExceeded"


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
        DynamoDBAccountStore(client(), writes, "accounts").append(rows, Usage())


@pytest.mark.parametrize("code", ["TransactionConflictException", "ReplicatedWriteConflictException"])
def test_another_transaction_is_a_write_conflict(code: str) -> None:
    with pytest.raises(WriteConflict):
        append([EVENT], code)


def test_a_failed_condition_in_a_transaction_returns_the_competing_row() -> None:
    taken = {"Code": "ConditionalCheckFailed", "Item": to_item(EVENT)}
    with pytest.raises(VersionConflict) as conflict:
        append(PAIR, "TransactionCanceledException", {"Code": "None"}, taken)
    assert conflict.value.competing == [EVENT]


@pytest.mark.parametrize("other", ["None", "ThrottlingError"])
def test_a_conflict_between_transactions_is_a_write_conflict(other: str) -> None:
    with pytest.raises(WriteConflict):
        append(PAIR, "TransactionCanceledException", {"Code": other}, {"Code": "TransactionConflict"})


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction_is_unavailable_and_stores_nothing(reason: str) -> None:
    with pytest.raises(Unavailable, match="Nothing was written"):
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
def test_throttling_and_server_errors_are_unavailable(code: str, status: int) -> None:
    with pytest.raises(Unavailable, match="unknown"):
        append([EVENT], code, status=status)


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_permanent_errors_are_passed_on_unchanged(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        append([EVENT], code)
    with pytest.raises(ClientError):
        append(PAIR, "TransactionCanceledException", {"Code": "ValidationError"}, {"Code": "None"})


@pytest.mark.parametrize(
    ("rows", "code", "reasons"),
    [
        ([EVENT], f"{FULL}Exception", []),
        (PAIR, f"{FULL}Exception", []),
        (PAIR, "TransactionCanceledException", [{"Code": FULL}, {"Code": "None"}]),
        (PAIR, "TransactionCanceledException", [{"Code": "None"}, {"Code": FULL}]),
        (PAIR, "TransactionCanceledException", [{"Code": "ThrottlingError"}, {"Code": FULL}]),
    ],
)
def test_a_full_item_collection_is_a_full_account(rows: list[Row], code: str, reasons: list[dict[str, Any]]) -> None:
    with pytest.raises(AccountFull, match="Nothing was written"):
        append(rows, code, *reasons)


@pytest.mark.parametrize(("full", "account_id"), [(0, "a"), (1, "a"), (2, "b")])
def test_a_full_item_collection_names_its_account(full: int, account_id: str) -> None:
    rows = [*PAIR, *rows_for("b", Head(), Created("owner-2", "EUR"), ORIGIN)]
    reasons = [{"Code": FULL if number == full else "None"} for number in range(3)]
    with pytest.raises(AccountFull) as error:
        append(rows, "TransactionCanceledException", *reasons)
    assert error.value.account_id == account_id


def test_a_taken_version_in_a_full_account_is_a_version_conflict() -> None:
    taken = {"Code": "ConditionalCheckFailed", "Item": to_item(EVENT)}
    with pytest.raises(VersionConflict):
        append(PAIR, "TransactionCanceledException", taken, {"Code": FULL})


@pytest.mark.parametrize("version", ["5.5", "1" + "0" * 40, "-3"])
def test_an_index_entry_without_a_valid_version_is_corrupt(version: str) -> None:
    reads = client()
    with Stubber(reads) as stub:
        stub.add_response("query", {"Items": [{"AccountId": {"S": "a"}, "Version": {"N": version}}]})
        with pytest.raises(Corrupt, match="not a valid version"):
            DynamoDBAccountStore(reads, client(), "accounts").find("a", "key-1", Usage())


def test_a_read_is_one_strongly_consistent_query_of_ten_rows_newest_first() -> None:
    reads = client()
    expected = {
        "TableName": "accounts",
        "KeyConditionExpression": "AccountId = :account_id",
        "ExpressionAttributeValues": {":account_id": {"S": "a"}},
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": 10,
        "ReturnConsumedCapacity": "TOTAL",
    }
    with Stubber(reads) as stub:
        used = Usage()
        consumed = {"TableName": "accounts", "CapacityUnits": 1.0}
        answer = {"ResponseMetadata": {"RetryAttempts": 1}, "ConsumedCapacity": consumed}
        stub.add_response("query", {"Items": [to_item(EVENT)], **answer}, expected)
        assert DynamoDBAccountStore(reads, client(), "accounts").newest("a", used) == [EVENT]
        assert used == Usage(requests=2, read_units=1.0), "the SDK's own retry counts"


def never_answering(client: Any, error: Exception) -> Any:  # noqa: ANN401 -- a boto3 client
    """Make every request fail below the SDK's parser, where errors have no response, or None as the response."""

    def fail(**_: Any) -> None:  # noqa: ANN401 -- botocore's
        raise error

    client.meta.events.register("before-call.dynamodb", fail)
    return client


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        ConnectionClosedError(endpoint_url="https://dynamodb"),
        HTTPClientError(error="broken"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_without_an_answer_the_store_is_unavailable(error: Exception) -> None:
    store, used = (
        DynamoDBAccountStore(never_answering(client(), error), never_answering(client(), error), "accounts"),
        Usage(),
    )
    for read in (lambda: store.newest("a", used), lambda: store.find("a", "key-1", used)):
        with pytest.raises(Unavailable, match="in time"):
            read()
    with pytest.raises(Unavailable, match="unknown"):
        store.append([EVENT], used)
    assert used == Usage(requests=3)


def test_a_failed_read_counts_its_retries() -> None:
    reads, used = client(), Usage()
    with Stubber(reads) as stub:
        stub.add_client_error("query", "ThrottlingException", response_meta={"RetryAttempts": 1})
        with pytest.raises(Unavailable):
            DynamoDBAccountStore(reads, client(), "accounts").newest("a", used)
    assert used == Usage(requests=2)


def test_a_write_without_reported_capacity_still_succeeds() -> None:
    reads, writes, used = client(), client(), Usage()
    with Stubber(reads) as read, Stubber(writes) as write:
        write.add_response("put_item", {})
        write.add_response("transact_write_items", {})
        read.add_response("query", {"Items": [to_item(EVENT)]})
        store = DynamoDBAccountStore(reads, writes, "accounts")
        store.append([EVENT], used)
        store.append(PAIR, used)
        assert store.newest("a", used) == [EVENT]
    assert used == Usage(requests=3)


def test_an_append_never_replaces_a_row() -> None:
    writes = client()
    expected = {
        "TableName": "accounts",
        "Item": to_item(EVENT),
        "ConditionExpression": "attribute_not_exists(Version)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    with Stubber(writes) as stub:
        used, total = Usage(), {"ReturnConsumedCapacity": "TOTAL"}
        consumed = {"TableName": "accounts", "CapacityUnits": 2.0}
        stub.add_response("put_item", {"ConsumedCapacity": consumed}, {**expected, **total})
        DynamoDBAccountStore(client(), writes, "accounts").append([EVENT], used)
        transacted = {"TransactItems": [{"Put": {**expected, "Item": to_item(row)}} for row in PAIR], **total}
        stub.add_response("transact_write_items", {"ConsumedCapacity": [consumed, consumed]}, transacted)
        DynamoDBAccountStore(client(), writes, "accounts").append(PAIR, used)
        assert used == Usage(requests=2, write_units=6.0)
        stub.assert_no_pending_responses()


def test_the_error_for_an_index_entry_names_its_row() -> None:
    reads = client()
    with Stubber(reads) as stub:
        stub.add_response("query", {"Items": [{"AccountId": {"S": "a"}, "Version": {"N": "1.5"}}]})
        with pytest.raises(Corrupt, match=r"row a/1\.5"):
            DynamoDBAccountStore(reads, client(), "accounts").find("a", "key-1", Usage())
