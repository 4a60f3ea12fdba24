"""The Lambda function that Firehose invokes: environment, clients and wiring. See `transform` for the logic."""

import logging
import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from account_events.consumer.decoding import Decoder
from consumers.lake.report import Report
from consumers.lake.rows import Rows
from consumers.lake.settings import CLIENTS, Settings
from consumers.lake.transform import Transform

SERVICE = "lake"

logging.getLogger("botocore").setLevel(logging.INFO)  # it logs the content of requests at the level DEBUG
_settings = Settings.read(os.environ)
_metrics = Metrics(
    provider=AmazonCloudWatchEMFProvider(
        namespace="AccountEvents", service=SERVICE, default_dimensions={"Stack": _settings.stack_name}
    )
)
_transform = Transform(Rows(Decoder(_settings.codec), _settings.first_day))
_report = Report(
    cache(lambda: botocore.session.get_session().create_client("s3", config=CLIENTS)),
    _settings.bucket,
    Logger(service=SERVICE),
    _metrics,
    lambda: datetime.now(UTC),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    transformed = _transform(event)
    _report(event["invocationId"], transformed)
    return transformed.answer
