"""The read model's Lambda function on the stream: environment, clients and wiring. See `rows` for the logic."""

import logging
import os
import time
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from account_events.consumer import Consumer, Inbox, LambdaHandler, Threads
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from consumers.owners.report import Report
from consumers.owners.rows import changes
from consumers.owners.settings import CLIENTS, RESERVE_S, RUN_MAX, THREADS, Settings

SERVICE = "accounts-by-owner"

logging.getLogger("botocore").setLevel(logging.INFO)  # it logs the content of requests at the level DEBUG
_settings = Settings.read(os.environ)
_metrics = Metrics(
    provider=AmazonCloudWatchEMFProvider(
        namespace="AccountEvents", service=SERVICE, default_dimensions={"Stack": _settings.stack_name}
    )
)
_dynamodb: Any = botocore.session.get_session().create_client("dynamodb", config=CLIENTS)
_inbox = Inbox(
    DynamoDBItemInbox(_dynamodb, _settings.table_name, _settings.inbox_table_name),
    changes,
    run_max=RUN_MAX,
    gap_wait_s=_settings.gap_wait_s,
)
_report = Report(Logger(service=SERVICE), _metrics)
_consumer = Consumer(_inbox, workers=Threads(THREADS))
_handle = LambdaHandler(_consumer, now=time.time, report=_report, reserve_s=RESERVE_S)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 -- Lambda's, untyped
    return dict(_handle(event, context))
