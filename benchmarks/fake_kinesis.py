"""A fake of Kinesis and DynamoDB in a separate process, which accepts every request after a realistic wait.

It answers `PutRecords` after PUT_RECORDS_S with every entry accepted, `Query` after QUERY_S with an empty page, and
`BatchGetItem` after QUERY_S with a row for each key, whose event occurred at LONG_AGO.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import fake_process

PUT_RECORDS_S = 0.015
LONG_AGO = "1970-01-01T00:00:00.000000Z"
QUERY_S = 0.003

_ENTRY = b'"PartitionKey":'
"""Occurs once in every entry, and never in Base64."""
_ACCEPTED = {
    "SequenceNumber": "49671246163853862354136543452761183847183741534213210114",
    "ShardId": "shardId-000000000000",
}


@contextmanager
def fake() -> Iterator[str]:
    """Run the fake and yield its URL."""
    with fake_process.running("benchmarks.fake_kinesis") as url:
        yield url


def _answer(operation: str, body: bytes) -> tuple[float, bytes]:
    """Return the wait in seconds and the body of the answer."""
    match operation:
        case "PutRecords":
            answer = {"FailedRecordCount": 0, "Records": [_ACCEPTED] * body.count(_ENTRY)}
            return PUT_RECORDS_S, json.dumps(answer).encode()
        case "Query":
            return QUERY_S, b'{"Count":0,"Items":[],"ScannedCount":0}'
        case "BatchGetItem":
            [(table, asked)] = json.loads(body)["RequestItems"].items()
            rows = [{"AccountId": key["AccountId"], "Timestamp": {"S": LONG_AGO}} for key in asked["Keys"]]
            return QUERY_S, json.dumps({"Responses": {table: rows}, "UnprocessedKeys": {}}).encode()
    raise ValueError(f"The fake has no answer for {operation}.")


if __name__ == "__main__":
    fake_process.serve(_answer)
