"""The projector's Lambda function: environment, clients and wiring. See `project` for the logic.

`benchmarks/tricks.py` measures what the settings of the garbage collector, `build_bodies`, the switch interval and the
concurrent requests save.
"""
# ruff: noqa: E402 -- the imports below create many objects but hardly any garbage, so collection is off during them

import gc

gc.disable()

import logging
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from projector.dynamodb_ledger import DynamoDBLedger
from projector.dynamodb_parking import DynamoDBParking
from projector.lanes import aggregated, plain
from projector.project import BatchResponse, Projector
from projector.publish import KinesisPublisher
from projector.put_records import build_bodies
from projector.report import Report
from projector.settings import CLIENTS, CONNECTIONS_MAX, PARKING_S, SWITCH_INTERVAL_S, Settings, deadline_s

logging.getLogger("botocore").setLevel(logging.INFO)  # it logs the content of requests at the level DEBUG
_settings = Settings.read(os.environ)
_metrics = Metrics(
    provider=AmazonCloudWatchEMFProvider(
        namespace="AccountEvents", service="projector", default_dimensions={"Stack": _settings.stack_name}
    )
)
_session: Any = botocore.session.get_session()  # not boto3, which takes longer to import; it has no type stubs
kinesis = _session.create_client("kinesis", config=CLIENTS)
build_bodies(kinesis)
dynamodb = _session.create_client("dynamodb", config=CLIENTS)
_project = Projector(
    KinesisPublisher(
        kinesis,
        _settings.stream_name,
        (aggregated if _settings.is_aggregated else plain)(_settings.buckets),
        clock=time.monotonic,
        sleep=time.sleep,
        jitter=random.random,
    ),
    DynamoDBParking(dynamodb, _settings.parking_table_name),
    DynamoDBLedger(dynamodb, _settings.table_name, _settings.encoders),
    report=Report(
        Logger(service="projector"),
        _metrics,
        now_us=lambda: time.time_ns() // 1_000,
    ),
    clock=time.monotonic,
    now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
    parking_s=PARKING_S,
    executor=ThreadPoolExecutor(CONNECTIONS_MAX),
    order_window_s=_settings.order_window_s,
    encoders=_settings.encoders,
)
sys.setswitchinterval(SWITCH_INTERVAL_S)
gc.freeze()  # the objects created so far are never freed, so later collections skip them
gc.enable()


def handler(event: dict[str, Any], context: Any) -> BatchResponse:  # noqa: ANN401 -- Lambda's, untyped
    return _project(event, deadline_s(time.monotonic(), context.get_remaining_time_in_millis()))
