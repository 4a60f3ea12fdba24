"""DynamoDB without the network: every request of a client receives a fixed answer at once."""

import io
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders


class CannedAnswers:
    """Answers the requests of attached clients by operation, such as "Query", without using a socket.

    The SDK still validates, serialises and signs requests, and checks and parses the answers.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._bodies = {operation: json.dumps(answer).encode() for operation, answer in answers.items()}
        self._headers = {
            operation: {
                "Content-Type": "application/x-amz-json-1.0",
                "Content-Length": str(len(body)),
                "x-amzn-RequestId": "B7UKCFO1SNI6TNVF9TG7TTQ7HJVV4KQNSO5AEMVJF66Q9ASUAAJG",
                "x-amz-crc32": str(zlib.crc32(body)),
            }
            for operation, body in self._bodies.items()
        }
        self._last: dict[str, Any] = {}

    def attach(self, client: Any) -> None:  # noqa: ANN401 -- a boto3 client
        client.meta.events.register("before-send.dynamodb", self._answer)

    def last(self, operation: str) -> Any:  # noqa: ANN401 -- JSON
        """Return the operation's last request body, decoded."""
        return json.loads(self._last[operation])

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:  # noqa: ANN401 -- botocore's
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        self._last[operation] = request.body
        return AWSResponse(
            request.url, 200, HTTPHeaders.from_dict(self._headers[operation]), _Raw(self._bodies[operation])
        )


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:  # noqa: ANN401 -- urllib3's
        yield self.read()
