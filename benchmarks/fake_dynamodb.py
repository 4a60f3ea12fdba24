"""A fake of DynamoDB in a separate process: tables without items, which answer every request after WAIT_S."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import fake_process

WAIT_S = 0.005


@contextmanager
def fake() -> Iterator[str]:
    """Run the fake and yield its URL."""
    with fake_process.running("benchmarks.fake_dynamodb") as url:
        yield url


def _answer(operation: str, body: bytes) -> tuple[float, bytes]:
    match operation:
        case "BatchGetItem":
            tables = json.loads(body)["RequestItems"]
            return WAIT_S, json.dumps({"Responses": {table: [] for table in tables}, "UnprocessedKeys": {}}).encode()
        case "Query":
            return WAIT_S, b'{"Count":0,"Items":[],"ScannedCount":0}'
        case "GetItem" | "PutItem" | "TransactWriteItems":
            return WAIT_S, b"{}"
    raise ValueError(f"The fake has no answer for {operation}.")


if __name__ == "__main__":
    fake_process.serve(_answer)
