"""The projector's real Lambda module, with its environment variables and botocore clients, but without a network.

Its puts go to a Kinesis in memory (`wire`), moto provides its tables, and it uses the clock of that Kinesis, so that
retries take no time.
"""

import gc
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import botocore.session

from account_events.testing.clock import VirtualClock
from account_events.testing.errors import BadReplay
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.mapping import Handler
from account_events.testing.records import Image
from account_events.testing.wire import attached
from tests.support.rows import rows_before

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MODULE = "projector.handler"
ENVIRONMENT = {
    "EVENT_STREAM_NAME": "events",
    "TABLE_NAME": "accounts",
    "PARKING_TABLE_NAME": "parked",
    "AGGREGATION": "on",
    "FRAMING": "single-object",
    "BUCKETS": "32",
    "ORDER_WINDOW_SECONDS": "10",
    "STACK_NAME": "account-events",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "POWERTOOLS_METRICS_DISABLED": "true",
}
BATCH_WRITE_MAX = 25


@contextmanager
def deployed_projector(
    kinesis: MemoryKinesis, rows: Iterable[Image] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Callable[[], Handler]]:
    """Yield a function that makes handlers, each in a new execution environment, for `replay(..., new_handler=...)`.

    Args:
        kinesis: where the events arrive.
        rows: the rows of the accounts' table, from which the projector reads missing events.
        environment: variables that replace those of ENVIRONMENT.

    Raises:
        BadReplay: moto is not installed.
    """
    with ExitStack() as stack:
        variables = {**ENVIRONMENT, **(environment or {}), "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"}
        stack.enter_context(patch.dict(os.environ, variables))
        stack.enter_context(_moto()())
        _fill(variables, rows)
        stack.enter_context(_restored())

        def new_handler() -> Handler:
            module = _loaded(kinesis.clock)
            stack.enter_context(attached(module.kinesis, kinesis))
            handler: Handler = module.handler
            return handler

        yield new_handler


def _moto() -> Any:  # noqa: ANN401 -- moto has no types
    try:
        return importlib.import_module("moto").mock_aws
    except ImportError as error:
        raise BadReplay("deployed_projector needs moto for its tables: pip install 'moto[dynamodb]'") from error


def _loaded(clock: VirtualClock) -> ModuleType:
    """Execute the module again, with the virtual clock."""
    virtual = ModuleType("time")
    vars(virtual).update(vars(time), monotonic=clock, sleep=clock.sleep)
    sys.modules.pop(MODULE, None)
    sys.modules["time"] = virtual  # only MODULE gets it, because everything that MODULE imports is already loaded
    try:
        return importlib.import_module(MODULE)
    finally:
        sys.modules["time"] = time


@contextmanager
def _restored() -> Iterator[None]:
    """Restore, at the end, what the module changes for the whole process."""
    switch_interval_s, is_collecting = sys.getswitchinterval(), gc.isenabled()
    before = sys.modules.pop(MODULE, None)
    importlib.import_module(MODULE)  # once with the real time, to load everything that it imports
    try:
        yield
    finally:
        sys.modules.pop(MODULE, None)
        if before is not None:
            sys.modules[MODULE] = before
        sys.setswitchinterval(switch_interval_s)
        gc.unfreeze()
        (gc.enable if is_collecting else gc.disable)()


def _fill(variables: Mapping[str, str], rows: Iterable[Image]) -> None:
    session: Any = botocore.session.get_session()
    client: DynamoDBClient = session.create_client("dynamodb")
    _make_table(client, variables["TABLE_NAME"], {"AccountId": "S", "Version": "N"})
    _make_table(client, variables["PARKING_TABLE_NAME"], {"Stream": "S", "AccountId": "S"})
    rows = list(rows)
    puts: list[Any] = [{"PutRequest": {"Item": dict(row)}} for row in [*rows_before(rows), *rows]]
    for start in range(0, len(puts), BATCH_WRITE_MAX):
        client.batch_write_item(RequestItems={variables["TABLE_NAME"]: puts[start : start + BATCH_WRITE_MAX]})


def _make_table(client: "DynamoDBClient", name: str, key: Mapping[str, Any]) -> None:
    (first, _), (second, _) = key.items()
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": kind} for each, kind in key.items()],
        KeySchema=[{"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": second, "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
