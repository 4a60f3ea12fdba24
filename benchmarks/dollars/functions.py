"""Runs the Lambda functions of the path as they are deployed, with fakes of DynamoDB and Kinesis, and measures them."""

import gc
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.dollars.hops import Invocation
from benchmarks.fake_kinesis import INBOX, OWNED
from local_stack.deploy import read_template

WARM_UPS, ROUNDS = 3, 9
EMF = '"_aws"'
"""In every line with metrics (CloudWatch embedded metric format), and in no other."""
_ID = "8286a188-ba32-4475-8077-530cd35c09a9"
START_LINE = (
    f'{{"time":"2026-11-30T18:56:24.046Z","type":"platform.start","record":{{"requestId":"{_ID}",'
    '"version":"$LATEST"}}'
)
REPORT_LINE = (
    f'{{"time":"2026-11-30T18:56:24.062Z","type":"platform.report","record":{{"requestId":"{_ID}",'
    '"metrics":{"durationMs":15.123,"billedDurationMs":16,"memorySizeMB":512,"maxMemoryUsedMB":117},'
    '"status":"success"}}'
)
"""Lambda's own lines of an invocation at the level INFO: start and report (AWS Lambda developer guide, "Log-level
filtering"). With LogFormat JSON, they have this form."""
PLATFORM_BYTES = len(f"{START_LINE}\n{REPORT_LINE}\n")
ENVIRONMENT = {  # of all functions, with the defaults of template.yaml
    "TABLE_NAME": "accounts",
    "PARKING_TABLE_NAME": "parked",
    "EVENT_STREAM_NAME": "domain-events",
    "AGGREGATION": "on",
    "BUCKETS": "32",
    "ORDER_WINDOW_SECONDS": "10",
    "FRAMING": "single-object",
    "OWNED_TABLE_NAME": OWNED,
    "INBOX_TABLE_NAME": INBOX,
    "GAP_WAIT_S": "300",
    "AUTH": "IAM",
    "OPERATOR_SCOPE": "accounts/operator",
    "TRANSFERS": "on",
    "LAKE_BUCKET_NAME": "lake",
    "FIRST_DAY": "2000-01-01",
    "STACK_NAME": "account-events",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "NO_PROXY": "127.0.0.1",
}


class Context:
    """Lambda's context, with plenty of time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation that was measured. `lines` is everything that it logged, without Lambda's own lines."""

    cpu_ms: float
    wall_ms: float
    lines: str


class Function:
    """A handler and what it prints. `module` is the handler's module, if it is a deployed one."""

    def __init__(self, handler: Callable[[Any, Any], Any], output: StringIO | None = None, module: Any = None) -> None:  # noqa: ANN401 -- a module
        self._handler, self._output, self.module = handler, output or StringIO(), module

    def call(self, event: Any) -> tuple[Call, Any]:  # noqa: ANN401 -- Lambda's, untyped
        """Invoke it once; returns the measurement and the answer."""
        self._output.seek(0)
        self._output.truncate()
        gc.collect()
        with redirect_stdout(self._output):
            cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
            answer = self._handler(event, Context())
            cpu_ns, wall_ns = time.process_time_ns() - cpu_ns, time.perf_counter_ns() - wall_ns
        return Call(cpu_ns / 1_000_000, wall_ns / 1_000_000, self._output.getvalue()), answer


@contextmanager
def function(module_name: str, url: str, **more: str) -> Iterator[Function]:
    """Import a function's module as an execution environment does; its clients use the fake at `url`.

    `more` are environment variables that differ from ENVIRONMENT.
    """
    output = StringIO()
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": url, **more}
    with patch.dict(os.environ, environment), redirect_stdout(output):
        module = importlib.import_module(module_name)
    del sys.modules[module_name]  # the next import creates another one
    yield Function(module.handler, output, module)
    gc.unfreeze()  # importing the projector's handler freezes all objects


def invocation(calls: list[Call], logical_id: str) -> Invocation:
    """The medians of the calls, after the first WARM_UPS, of a function of template.yaml."""
    measured = calls[WARM_UPS:]
    cpu_ms = median(call.cpu_ms for call in measured)
    wall_ms = median(call.wall_ms for call in measured)
    log_bytes = sum(len(call.lines.encode()) for call in measured) / len(measured) + PLATFORM_BYTES
    memory_mb = read_template()["Resources"][logical_id]["Properties"]["MemorySize"]
    return Invocation(cpu_ms, max(0.0, wall_ms - cpu_ms), log_bytes, memory_mb)
