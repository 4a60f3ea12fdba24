"""The read model's function on batches with one event per account, against one DynamoDB request after the other.

Ours is the real handler with its real client, and with Lambda's context. The baseline is the same store without
threads: a read and an update for each account, one after the other. Both use the same fake (fake_dynamodb.py), in which
every account has a position. The work of one event is one update of the account's item.
`python -m benchmarks.owners` prints the events per second.
"""

import base64
import importlib
import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from statistics import median
from typing import Any
from unittest.mock import patch

import botocore.session

from account_core.domain.events import EventRow
from account_events.aggregation.packing import aggregate
from account_events.consumer import Consumer, Inbox, LambdaHandler
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from benchmarks.fake_dynamodb import WAIT_S, fake
from benchmarks.long_accounts import ledger
from benchmarks.timing import Benchmark
from benchmarks.world import account_id
from consumers.owners.rows import changes
from consumers.owners.settings import CLIENTS, RUN_MAX
from projector.outgoing import outgoing

ACCOUNTS, BASELINE_ACCOUNTS, OF_A_RECORD = 1_000, 50, 50
RATIO, A_SECOND_MS = 1 / 10, 1_000.0
ROUNDS = 9
ENVIRONMENT = {
    "TABLE_NAME": "owned",
    "INBOX_TABLE_NAME": "inbox",
    "GAP_WAIT_S": "300",
    "STACK_NAME": "account-events",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
}

_CREATED = next(row for row in ledger(1) if isinstance(row, EventRow))


@contextmanager
def benchmarks() -> Iterator[list[Benchmark]]:
    """The benchmarks. They run only inside the block, because the fake is stopped after it."""
    with fake() as url:
        ours, baseline = _ours(url), _baseline(url)
        name = f"read model, {ACCOUNTS:,} events of {ACCOUNTS:,} accounts at {WAIT_S * 1_000:g} ms a request; "
        yield [
            Benchmark(
                name + "one request after the other",
                "ms",
                RATIO,
                lambda: _took_ms(ours, ACCOUNTS),
                lambda: _took_ms(baseline, BASELINE_ACCOUNTS) * (ACCOUNTS / BASELINE_ACCOUNTS),
                time.perf_counter_ns,
            ),
            Benchmark(
                name + "a second",
                "ms",
                1.0,
                lambda: _took_ms(ours, ACCOUNTS),
                lambda: A_SECOND_MS,
                time.perf_counter_ns,
            ),
        ]


def _took_ms(handler: Any, accounts: int) -> float:  # noqa: ANN401 -- a Lambda handler
    """The time of a batch with one event of each of so many new accounts."""
    event = _batch(accounts)
    start = time.perf_counter_ns()
    with redirect_stdout(io.StringIO()):
        answer = handler(event, _Context())
    took = time.perf_counter_ns() - start
    if answer != {"batchItemFailures": []}:
        raise AssertionError(f"Not everything was applied: {answer}")
    return took / 1_000_000


def _batch(accounts: int) -> dict[str, Any]:
    datas = [outgoing(replace(_CREATED, account_id=account_id()), 0).data for _ in range(accounts)]
    packed = [datas[start : start + OF_A_RECORD] for start in range(0, accounts, OF_A_RECORD)]
    return {"Records": [_record(number, some) for number, some in enumerate(packed, 1)]}


def _record(number: int, datas: Sequence[bytes]) -> dict[str, Any]:
    data = base64.b64encode(aggregate("7", "1234567", datas)).decode()
    return {"kinesis": {"partitionKey": "7", "sequenceNumber": str(number), "data": data}}


def _ours(url: str) -> Any:  # noqa: ANN401 -- a Lambda handler
    """Import the function's module as an execution environment does, with a client that uses the fake."""
    with patch.dict(os.environ, _environment(url)), redirect_stdout(io.StringIO()):
        module = importlib.import_module("consumers.owners.handler")
    del sys.modules["consumers.owners.handler"]  # the next import creates another one
    return module.handler


def _baseline(url: str) -> LambdaHandler:
    with patch.dict(os.environ, _environment(url)):
        client: Any = botocore.session.get_session().create_client("dynamodb", config=CLIENTS)
    inbox = Inbox(DynamoDBItemInbox(client, "owned", "inbox"), changes, run_max=RUN_MAX)
    return LambdaHandler(Consumer(inbox), now=time.time, report=lambda _: None)


def _environment(url: str) -> dict[str, str]:
    return {**ENVIRONMENT, "AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1"}


class _Context:
    """Lambda's context, with plenty of time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def main() -> None:
    with fake() as url:
        for name, handler, accounts in (
            ("one request after the other", _baseline(url), BASELINE_ACCOUNTS),
            ("this release", _ours(url), ACCOUNTS),
        ):
            took_ms = median(_took_ms(handler, accounts) for _ in range(ROUNDS))
            sys.stdout.write(f"{name}: {accounts / took_ms * 1_000:,.0f} events per second\n")


if __name__ == "__main__":
    main()
