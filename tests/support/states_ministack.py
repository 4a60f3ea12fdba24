"""ministack as a script, with what it lacks for our state machine: files of exports, Glue runs that do work, failures.

Its Step Functions call the other services inside its process, so no proxy can come between. Every call of a state
machine is appended to `calls.jsonl` in the folder STATES_FOLDER. The same folder holds `faults.json`, a list of faults:

operation   the call that it concerns, for example `glue:StartJobRun`
skip        how many of these calls it lets pass first; none if omitted
times       how many calls it then concerns; 1 if omitted
error       the error code with which the call fails; if `lost`, only after it was carried out
answer      what replaces parts of the answer

A Glue run ends at once and writes `result.json`, if there is one, to the location in its argument --result.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from ministack import app

from local_stack.emulator import client
from local_stack.table_export import write_export

Answer = tuple[int, dict[str, str], Any]
Handler = Callable[[str, str, Mapping[str, str], Any, Mapping[str, Any]], Awaitable[Answer]]

FOLDER = Path(os.environ["STATES_FOLDER"])
ENDPOINT_URL = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
OF_STATE_MACHINES = "/20260101/"
"""In the signature of each call that ministack's Step Functions makes."""
SERVICES = ("dynamodb", "glue", "s3")

_faults: list[dict[str, Any]] = []
_read_at = 0


def main() -> None:
    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = _watched(service, app.SERVICE_HANDLERS[service])
    app.main()


def _watched(service: str, handler: Handler) -> Handler:
    async def handle(
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Any,  # noqa: ANN401 -- bytes or text
        query: Mapping[str, Any],
    ) -> Answer:
        if OF_STATE_MACHINES not in headers.get("authorization", ""):
            return await handler(method, path, headers, body, query)
        target = headers.get("x-amz-target", "")
        operation = f"{service}:{target.rpartition('.')[2] or 'ListObjectsV2'}"
        parameters = json.loads(body) if target else {"path": path, **query}
        with (FOLDER / "calls.jsonl").open("a") as file:
            file.write(json.dumps({"operation": operation, "parameters": parameters}) + "\n")
        fault = _fault(operation) or {}
        if "error" in fault and not fault.get("lost"):
            return _refusal(fault["error"], in_json=bool(target))
        status, answered, content = await handler(method, path, headers, body, query)
        if status == 200 and operation == "dynamodb:ExportTableToPointInTime":
            await asyncio.to_thread(_export, parameters, json.loads(content)["ExportDescription"])
        if status == 200 and operation == "glue:StartJobRun":
            await asyncio.to_thread(_compare, parameters["Arguments"]["--result"])
        if "error" in fault:
            return _refusal(fault["error"], in_json=bool(target))
        if "answer" in fault:
            content = json.dumps(_merged(json.loads(content), fault["answer"])).encode()
        return status, answered, content

    return handle


def _fault(operation: str) -> dict[str, Any] | None:
    global _read_at  # noqa: PLW0603 -- a script's
    path = FOLDER / "faults.json"
    if path.exists() and path.stat().st_mtime_ns != _read_at:
        _read_at = path.stat().st_mtime_ns
        _faults[:] = json.loads(path.read_text())
    for fault in _faults:
        if fault["operation"] == operation:
            if fault.setdefault("skip", 0) > 0:
                fault["skip"] -= 1
            elif fault.setdefault("times", 1) > 0:
                fault["times"] -= 1
                return fault
    return None


def _refusal(code: str, *, in_json: bool) -> Answer:
    if in_json:
        return 400, {}, json.dumps({"__type": code, "message": "injected."}).encode()
    return 400, {}, f"<Error><Code>{code}</Code><Message>injected.</Message></Error>".encode()


def _merged(answer: Any, changes: Any) -> Any:  # noqa: ANN401 -- any JSON
    if not isinstance(answer, dict) or not isinstance(changes, dict):
        return changes
    return answer | {key: _merged(answer.get(key), value) for key, value in changes.items()}


def _export(parameters: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    """Write the files of an export."""
    write_export(
        client("dynamodb", ENDPOINT_URL),
        client("s3", ENDPOINT_URL),
        table_name=description["TableArn"].rpartition("/")[2],
        table_arn=description["TableArn"],
        table_id=description["TableId"],
        bucket=parameters["S3Bucket"],
        prefix=parameters["S3Prefix"],
        export_time=datetime.now(UTC),
        export_id=description["ExportArn"].rpartition("/")[2],
    )


def _compare(result: str) -> None:
    path = FOLDER / "result.json"
    bucket, _, key = result.removeprefix("s3://").partition("/")
    if path.exists():
        client("s3", ENDPOINT_URL).put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


if __name__ == "__main__":
    main()
