"""Adds closed shards to the emulator's Kinesis: after a split, the parent shard stays and names its children.

The emulator deletes the parent. AWS keeps it until its records expire, and the last GetRecords on it returns the
children and no iterator (docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html), which makes the KCL end
the shard. As the emulator deletes the parent's records, split a shard only when all of them are applied.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config

from local_stack.emulator import reserved_port

TIMEOUT_S = 20.0
START_S = 10.0
JSON = {"content-type": "application/x-amz-json-1.1"}
NOT_FORWARDED = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive"}
"""Headers of a single connection."""
Answer = tuple[int, dict[str, str], bytes]


class ClosedShards:
    """A proxy of the emulator. Inside `serving`, readers use `url` as the endpoint of Kinesis.

    Args:
        kinesis: a client of the emulator.
        endpoint_url: of the emulator.
        stream: name of the stream.
    """

    def __init__(self, kinesis: Any, endpoint_url: str, stream: str) -> None:  # noqa: ANN401 -- a boto3 client
        self._kinesis, self._endpoint_url, self._stream = kinesis, endpoint_url, stream
        self._closed: dict[str, dict[str, Any]] = {}
        self._children: dict[str, list[dict[str, Any]]] = {}
        self._shard_of: dict[str, str] = {}
        self._lock = threading.Lock()
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve with hypercorn, because the KCL uses HTTP/2 with Kinesis."""
        stopped, config = threading.Event(), Config()
        config.errorlog, config.graceful_timeout = None, 1.0
        end = {"shutdown_trigger": lambda: asyncio.to_thread(stopped.wait)}
        thread = threading.Thread(target=lambda: asyncio.run(serve(self._app, config, **end)), daemon=True)  # type: ignore[arg-type]  # an ASGI application
        with reserved_port() as port, self._http:
            self.url, config.bind = f"http://127.0.0.1:{port}", [f"127.0.0.1:{port}"]
            thread.start()
            try:
                _await_port(port)
                yield
            finally:
                stopped.set()
                thread.join(TIMEOUT_S)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI's
        if scope["type"] != "http":
            return
        body, has_more = b"", True
        while has_more:
            message = await receive()
            body, has_more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, answer_headers, content = await asyncio.to_thread(self.answer, headers, body)
        encoded = [(name.encode(), value.encode()) for name, value in answer_headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": content})

    def split(self) -> str:
        """Split the first shard in the middle of its hash keys, and return its id."""
        with self._lock:
            shard = self._shards()[0]
            shard_id = shard["ShardId"]
            first, last = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
            middle = str((first + last) // 2)
            self._kinesis.split_shard(StreamName=self._stream, ShardToSplit=shard_id, NewStartingHashKey=middle)
            children = [each for each in self._shards() if each.get("ParentShardId") == shard_id]
            shard["SequenceNumberRange"]["EndingSequenceNumber"] = children[0]["SequenceNumberRange"][
                "StartingSequenceNumber"
            ]
            self._closed[shard_id] = shard
            self._children[shard_id] = [
                {"ShardId": each["ShardId"], "ParentShards": [shard_id], "HashKeyRange": each["HashKeyRange"]}
                for each in children
            ]
        return str(shard_id)

    def answer(self, headers: dict[str, str], body: bytes) -> Answer:
        """Answer requests for closed shards, and forward all others to the emulator."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        with self._lock:
            match operation:
                case "GetShardIterator":
                    return self._shard_iterator(json.loads(body)["ShardId"], headers, body)
                case "GetRecords":
                    return self._records(json.loads(body)["ShardIterator"], headers, body)
                case "ListShards":
                    status, answer_headers, content = self._forwarded(headers, body)
                    found = json.loads(content)
                    found["Shards"] = [*self._closed.values(), *found["Shards"]]
                    return status, answer_headers, _encoded(found)
            return self._forwarded(headers, body)

    def _shard_iterator(self, shard_id: str, headers: dict[str, str], body: bytes) -> Answer:
        if shard_id in self._closed:
            self._shard_of[shard_id] = shard_id
            return 200, JSON, _encoded({"ShardIterator": shard_id})
        return self._remembered(self._forwarded(headers, body), "ShardIterator", shard_id)

    def _records(self, iterator: str, headers: dict[str, str], body: bytes) -> Answer:
        shard_id = self._shard_of[iterator]
        if shard_id in self._closed:
            end = {"Records": [], "MillisBehindLatest": 0, "ChildShards": self._children[shard_id]}
            return 200, JSON, _encoded(end)
        return self._remembered(self._forwarded(headers, body), "NextShardIterator", shard_id)

    def _remembered(self, answer: Answer, name: str, shard_id: str) -> Answer:
        """Remember the shard of the iterator in an answer."""
        iterator = json.loads(answer[2]).get(name)
        if iterator:
            self._shard_of[iterator] = shard_id
        return answer

    def _forwarded(self, headers: dict[str, str], body: bytes) -> Answer:
        kept = {name: value for name, value in headers.items() if name.lower() not in NOT_FORWARDED}
        answer = self._http.post(self._endpoint_url, content=body, headers=kept)
        answer_headers = {name: value for name, value in answer.headers.items() if name.lower() not in NOT_FORWARDED}
        return answer.status_code, answer_headers, answer.content

    def _shards(self) -> list[Any]:
        return list(self._kinesis.list_shards(StreamName=self._stream)["Shards"])


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, f"nothing listens on port {port}"
        time.sleep(0.05)
