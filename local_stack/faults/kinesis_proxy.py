"""A proxy on 127.0.0.1 between the projector and the emulator's Kinesis, which can refuse entries and lose answers.

The emulator accepts every entry. What the proxy refuses has the error code that Kinesis returns for a throttled shard,
and is counted in the metric that Kinesis then emits.
"""

import base64
import json
import logging
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from local_stack.address import Address
from local_stack.loopback_server import SOCKET_TIMEOUT_S, LoopbackServer

logger = logging.getLogger(__name__)

Entries = list[dict[str, Any]]
"""The entries of a PutRecords request, as Kinesis's API defines them."""
VARIABLE = "AWS_ENDPOINT_URL_KINESIS"
"""The environment variable with which the SDK finds Kinesis."""
THROTTLED = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Refused by a fault."}


@dataclass(frozen=True, slots=True)
class Interference:
    """What happens to a PutRecords request.

    Attributes:
        refused: the indices of the entries that are refused.
        is_answer_lost: whether the connection is closed instead of an answer.
    """

    refused: Collection[int] = ()
    is_answer_lost: bool = False


Interfere = Callable[[int, Entries], Interference]
"""Returns what happens to the n-th request (0, 1, ...). It may wait."""


class KinesisProxy:
    """The proxy; use it as a context manager. While it is open, the projector uses it.

    Args:
        address: the running local stack.
        interfere: decides about each request. Several threads may call it.
    """

    def __init__(self, address: Address, interfere: Interfere) -> None:
        self._address, self._interfere = address, interfere
        self._kinesis = address.client("kinesis", attempts_max=1)
        self._cloudwatch = address.client("cloudwatch")
        self._functions = address.client("lambda")
        self._lock = threading.Lock()
        self._requests = 0
        self._server: LoopbackServer | None = None

    def __enter__(self) -> Self:
        self.open()
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.disconnect()
        finally:
            self.close()

    def open(self) -> None:
        """Start the server. The projector does not use it yet."""
        self._server = LoopbackServer(partial(_Handler, self)).__enter__()

    def close(self) -> None:
        """Stop the server. The projector must not use it any more."""
        if self._server is not None:
            self._server.__exit__()
            self._server = None

    def connect(self) -> None:
        """Make the projector use the proxy, which must be open."""
        assert self._server is not None  # noqa: S101 -- programmer error
        self._set_variable(f"http://127.0.0.1:{self._server.port}")

    def disconnect(self) -> None:
        """Make the projector use Kinesis directly, from its next invocation."""
        self._set_variable(None)

    def put_records(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a request; None if it is lost.

        Raises:
            ClientError, BotoCoreError: the emulator's Kinesis refused what was forwarded, or did not answer.
        """
        entries: Entries = body["Records"]
        with self._lock:
            number, self._requests = self._requests, self._requests + 1
        interference = self._interfere(number, entries)
        refused = set(interference.refused)
        accepted = iter(self._forward(body, [each for n, each in enumerate(entries) if n not in refused]))
        records = [THROTTLED if n in refused else next(accepted) for n in range(len(entries))]
        if refused:
            self._count(body["StreamName"], len(refused))
        return None if interference.is_answer_lost else {"FailedRecordCount": len(refused), "Records": records}

    def _forward(self, body: dict[str, Any], entries: Entries) -> Entries:
        if not entries:
            return []
        records = [{**entry, "Data": base64.b64decode(entry["Data"])} for entry in entries]
        found: Entries = self._kinesis.put_records(**{**body, "Records": records})["Records"]
        return found

    def _count(self, stream: str, refused: int) -> None:
        """Emit the metric of the alarm EventStreamThrottled."""
        data = {
            "MetricName": "WriteProvisionedThroughputExceeded",
            "Dimensions": [{"Name": "StreamName", "Value": stream}],
            "Value": refused,
            "Unit": "Count",
        }
        try:
            self._cloudwatch.put_metric_data(Namespace="AWS/Kinesis", MetricData=[data])
        except (BotoCoreError, ClientError) as error:
            logger.info("metric not published: %s", error)

    def _set_variable(self, url: str | None) -> None:
        """Set the variable in the projector's settings, or remove it; all others stay as they are now."""
        name = self._address.outputs["ProjectorFunctionName"]
        found = self._functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {key: value for key, value in found.items() if key != VARIABLE}
        if url is not None:
            variables[VARIABLE] = url
        self._functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S

    def __init__(self, proxy: KinesisProxy, *request: Any) -> None:  # noqa: ANN401 -- socketserver's
        self._proxy = proxy
        super().__init__(*request)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            answer = self._proxy.put_records(body)
        except ClientError as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"__type": error.response.get("Error", {}).get("Code", "ClientError")})
        except BotoCoreError:
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"__type": "InternalFailure"})
        else:
            if answer is not None:
                self._answer(HTTPStatus.OK, answer)

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        with suppress(ConnectionError):  # the projector was killed
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing, because the terminal shows the command's own output."""
