"""A fake of Kinesis and DynamoDB in a separate process, which accepts every request after a realistic wait.

It answers `PutRecords` after PUT_RECORDS_S with every entry accepted, `Query` after QUERY_S with an empty page, and
`BatchGetItem` after QUERY_S with a row for each key, whose event occurred at LONG_AGO. It answers writes of items, and
`GetItem`, after ITEM_S. It stores the items of the tables OWNED and INBOX and finds them again; there are no others.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks import fake_process

PUT_RECORDS_S = 0.015
LONG_AGO = "1970-01-01T00:00:00.000000Z"
QUERY_S = 0.003
ITEM_S = 0.005
OWNED, INBOX = "accounts-by-owner", "inbox"

_ENTRY = b'"PartitionKey":'
"""Occurs once in every entry, and never in Base64."""
_ACCEPTED = {
    "SequenceNumber": "49671246163853862354136543452761183847183741534213210114",
    "ShardId": "shardId-000000000000",
}


_items: dict[tuple[str, str], dict[str, Any]] = {}
"""The items of OWNED and INBOX, by table and account."""
_ASSIGNMENT = re.compile(r"(#\w+) = (:\w+)")


@contextmanager
def fake() -> Iterator[str]:
    """Run the fake and yield its URL."""
    with fake_process.running("benchmarks.fake_kinesis") as url:
        yield url


def _answer(operation: str, body: bytes) -> tuple[float, bytes]:
    """Return the wait in seconds and the body of the answer."""
    try:
        wait_s, answer = _ANSWERS[operation]
    except KeyError:
        raise ValueError(f"The fake has no answer for {operation}.") from None
    return wait_s, json.dumps(answer(body)).encode()


def _put_records(body: bytes) -> Any:  # noqa: ANN401 -- JSON, as below
    return {"FailedRecordCount": 0, "Records": [_ACCEPTED] * body.count(_ENTRY)}


def _query(_body: bytes) -> Any:  # noqa: ANN401
    return {"Count": 0, "Items": [], "ScannedCount": 0}


def _batch_get_item(body: bytes) -> Any:  # noqa: ANN401
    [(table, asked)] = json.loads(body)["RequestItems"].items()
    if table in (OWNED, INBOX):
        found = [_items.get((table, key["AccountId"]["S"])) for key in asked["Keys"]]
        items = [item for item in found if item]
    else:
        items = [{"AccountId": key["AccountId"], "Timestamp": {"S": LONG_AGO}} for key in asked["Keys"]]
    return {"Responses": {table: items}, "UnprocessedKeys": {}}


def _get_item(body: bytes) -> Any:  # noqa: ANN401
    request = json.loads(body)
    item = _items.get((request["TableName"], request["Key"]["AccountId"]["S"]))
    return {"Item": item} if item else {}


def _put_item(_body: bytes) -> Any:  # noqa: ANN401
    return {"ConsumedCapacity": {"TableName": "accounts", "CapacityUnits": 1.0}}


def _transact_write_items(body: bytes) -> Any:  # noqa: ANN401
    for item in json.loads(body)["TransactItems"]:
        if put := item.get("Put"):
            _items[put["TableName"], put["Item"]["AccountId"]["S"]] = put["Item"]
        if update := item.get("Update"):
            _update(update)
    return {"ConsumedCapacity": [{"TableName": "accounts", "CapacityUnits": 4.0}]}


def _update_item(body: bytes) -> Any:  # noqa: ANN401
    request = json.loads(body)
    if "AccountId" in request["Key"]:
        _update(request)
    return {"ConsumedCapacity": {"TableName": request["TableName"], "CapacityUnits": 1.0}}


def _update(request: Mapping[str, Any]) -> None:
    """Set what the update sets; it removes nothing."""
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    item = _items.setdefault((request["TableName"], request["Key"]["AccountId"]["S"]), dict(request["Key"]))
    for name, value in _ASSIGNMENT.findall(request["UpdateExpression"]):
        item[names[name]] = values[value]


_ANSWERS: dict[str, tuple[float, Callable[[bytes], Any]]] = {
    "PutRecords": (PUT_RECORDS_S, _put_records),
    "Query": (QUERY_S, _query),
    "BatchGetItem": (QUERY_S, _batch_get_item),
    "GetItem": (ITEM_S, _get_item),
    "PutItem": (ITEM_S, _put_item),
    "UpdateItem": (ITEM_S, _update_item),
    "TransactWriteItems": (ITEM_S, _transact_write_items),
}
"""The wait and the answer of each operation."""


if __name__ == "__main__":
    fake_process.serve(_answer)
