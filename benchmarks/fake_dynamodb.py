"""A fake of DynamoDB in a separate process, which answers every request after WAIT_S and stores nothing.

Every account that is read has a position before its first event.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import fake_process

WAIT_S = 0.005
POSITION = {"Last": {"N": "0"}, "Seen": {"N": "0"}, "Revision": {"N": "1"}}


@contextmanager
def fake() -> Iterator[str]:
    """Run the fake and yield its URL."""
    with fake_process.running("benchmarks.fake_dynamodb") as url:
        yield url


def _answer(operation: str, body: bytes) -> tuple[float, bytes]:
    match operation:
        case "BatchGetItem":
            tables = json.loads(body)["RequestItems"]
            found = {table: [each | POSITION for each in asked["Keys"]] for table, asked in tables.items()}
            return WAIT_S, json.dumps({"Responses": found, "UnprocessedKeys": {}}).encode()
        case "GetItem":
            return WAIT_S, json.dumps({"Item": json.loads(body)["Key"] | POSITION}).encode()
        case "Query":
            return WAIT_S, b'{"Count":0,"Items":[],"ScannedCount":0}'
        case "UpdateItem":
            return WAIT_S, b"{}"
    raise ValueError(f"The fake has no answer for {operation}.")


if __name__ == "__main__":
    fake_process.serve(_answer)
