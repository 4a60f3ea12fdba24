"""The projector's Lambda function: environment, client and wiring. What it does is in `project`."""

import os
import random
import time
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from projector.project import BatchResponse, project
from projector.publish import KinesisPublisher
from projector.report import Report
from projector.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Settings, deadline_s

client: Any = botocore.session.get_session().create_client(
    "kinesis",
    config=Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
    ),
)
_publisher = KinesisPublisher(
    client,
    Settings.read(os.environ).stream_name,
    clock=time.monotonic,
    sleep=time.sleep,
    roll=random.random,
)
_report = Report(
    Logger(service="projector"),
    Metrics(namespace="AccountEvents", service="projector"),
)


def handler(event: dict[str, Any], context: Any) -> BatchResponse:  # noqa: ANN401 -- Lambda's, untyped
    return project(
        event, _publisher, deadline_s(time.monotonic(), context.get_remaining_time_in_millis()), report=_report
    )
