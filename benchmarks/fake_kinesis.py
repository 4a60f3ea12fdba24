"""A fake of Kinesis and DynamoDB in a separate process, which accepts every request after a realistic wait.

The separate process keeps its CPU time and its interpreter lock out of the measurement. The fake keeps connections
open, uses HTTP on 127.0.0.1 without TLS, and reads only what its answers need. It answers `PutRecords` after
PUT_RECORDS_S with every entry accepted, `Query` after QUERY_S with an empty page, and `BatchGetItem` after QUERY_S with
a row for each key, whose event occurred at LONG_AGO. It answers writes of items, and `GetItem`, after ITEM_S. It stores
what transactions put into the table INBOX and finds it again; there are no other items.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from local_stack.loopback_server import LoopbackServer

PUT_RECORDS_S = 0.015
LONG_AGO = "1970-01-01T00:00:00.000000Z"
QUERY_S = 0.003
ITEM_S = 0.005
INBOX = "inbox"
STOP_TIMEOUT_S = 5.0

_ROOT = Path(__file__).parents[1]
_ENTRY = b'"PartitionKey":'
"""Occurs once in every entry, and never in Base64."""
_ACCEPTED = {
    "SequenceNumber": "49671246163853862354136543452761183847183741534213210114",
    "ShardId": "shardId-000000000000",
}


_positions: dict[str, Any] = {}
"""The items of INBOX by account."""


@contextmanager
def fake() -> Iterator[str]:
    """Run the fake and yield its URL. If this process is killed, the fake's standard input is closed, and it ends."""
    command = [sys.executable, "-m", "benchmarks.fake_kinesis"]
    with subprocess.Popen(  # noqa: S603 -- fixed arguments
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            port = int(process.stdout.readline())  # type: ignore[union-attr]  # it is a pipe
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # as above
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wait_s, answer = _answer(self.headers["X-Amz-Target"].rpartition(".")[2], body)
        time.sleep(wait_s)
        self.send_response(200)
        self.send_header("Content-Type", self.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class' name
        """Log nothing, instead of a line per request."""


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
    if table == INBOX:
        found = [_positions.get(key["AccountId"]["S"]) for key in asked["Keys"]]
        items = [item for item in found if item]
    else:
        items = [{"AccountId": key["AccountId"], "Timestamp": {"S": LONG_AGO}} for key in asked["Keys"]]
    return {"Responses": {table: items}, "UnprocessedKeys": {}}


def _get_item(body: bytes) -> Any:  # noqa: ANN401
    item = _positions.get(json.loads(body)["Key"]["AccountId"]["S"])
    return {"Item": item} if item else {}


def _put_item(_body: bytes) -> Any:  # noqa: ANN401
    return {"ConsumedCapacity": {"TableName": "accounts", "CapacityUnits": 1.0}}


def _transact_write_items(body: bytes) -> Any:  # noqa: ANN401
    puts = [each["Put"] for each in json.loads(body)["TransactItems"] if "Put" in each]
    _positions.update({put["Item"]["AccountId"]["S"]: put["Item"] for put in puts if put["TableName"] == INBOX})
    return {"ConsumedCapacity": [{"TableName": "accounts", "CapacityUnits": 4.0}]}


_ANSWERS: dict[str, tuple[float, Callable[[bytes], Any]]] = {
    "PutRecords": (PUT_RECORDS_S, _put_records),
    "Query": (QUERY_S, _query),
    "BatchGetItem": (QUERY_S, _batch_get_item),
    "GetItem": (ITEM_S, _get_item),
    "PutItem": (ITEM_S, _put_item),
    "TransactWriteItems": (ITEM_S, _transact_write_items),
}
"""The wait and the answer of each operation."""


def main() -> None:
    with LoopbackServer(_Answers) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
