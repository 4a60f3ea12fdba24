"""Faults that the emulator does not produce: a Kinesis proxy that fails on demand, and killed workers."""

import base64
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_stack.local_deployment import LocalDeployment

Entries = list[dict[str, Any]]
Fails = Callable[[int, Entries], set[int]]
"""Returns the indices of the entries that fail in the n-th PutRecords (0, 1, ...)."""

Before = Callable[[int], None]
"""Called before the n-th PutRecords is forwarded."""


@contextmanager
def faulty_kinesis(
    deployment: LocalDeployment, fails: Fails = lambda _n, _entries: set(), before: Before = lambda _n: None
) -> Iterator[list[Entries]]:
    """Make the projector use a faulty proxy while the context is open; yield the entries of its requests."""
    requests: list[Entries] = []
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), _handler(deployment.address.client("kinesis"), fails, before, requests)
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    functions = deployment.address.client("lambda")
    name = deployment.address.outputs["ProjectorFunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    through_proxy = {**variables, "AWS_ENDPOINT_URL_KINESIS": f"http://127.0.0.1:{server.server_port}"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": through_proxy})
    try:
        yield requests
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(kinesis: Any, fails: Fails, before: Before, requests: list[Entries]) -> type[BaseHTTPRequestHandler]:  # noqa: ANN401 -- a boto3 client
    lock = threading.Lock()

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            entries: Entries = body["Records"]
            with lock:
                number = len(requests)
                requests.append(entries)
            before(number)
            failed = fails(number, entries)
            taken = [entry for index, entry in enumerate(entries) if index not in failed]
            accepted = iter(self._pass_on({**body, "Records": taken})["Records"] if taken else [])
            throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "injected"}
            records = [throttled if index in failed else next(accepted) for index in range(len(entries))]
            self._answer(json.dumps({"FailedRecordCount": len(failed), "Records": records}).encode())

        def _pass_on(self, body: dict[str, Any]) -> dict[str, Any]:
            records = [{**entry, "Data": base64.b64decode(entry["Data"])} for entry in body["Records"]]
            answer: dict[str, Any] = kinesis.put_records(**{**body, "Records": records})
            return answer

        def _answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- the base class's signature
            """Log nothing."""

    return Proxy


def kill_workers(deployment: LocalDeployment, function_name: str) -> int:
    """Send SIGKILL to every process that runs the function and return their number."""
    killed = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            command = (process / "cmdline").read_text()
        except (OSError, ValueError):
            continue
        if parent == deployment.emulator.pid and f"ministack-lambda-{function_name}-" in command:
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed
