"""The Lambda function that a schedule invokes: environment, clients and wiring. See `run` for the logic."""

import logging
import os
import time
from functools import partial
from threading import Timer
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from ops.lake.query.engine import Engine
from ops.lake.query.history_store import HistoryStore
from ops.lake.query.history_view import HistoryView
from ops.lake.query.totals import Totals
from ops.lake.totals_function.run import Run
from ops.lake.totals_function.settings import CLIENTS, DAY_MAX_S, DUCKDB, MARGIN_S, THREADS, Settings
from ops.lake.totals_function.time_limit import TimeLimited

SERVICE = "lake-totals"

logging.getLogger("botocore").setLevel(logging.INFO)  # it logs the content of requests at the level DEBUG
_settings = Settings.read(os.environ)
_metrics = Metrics(
    provider=AmazonCloudWatchEMFProvider(
        namespace="AccountEvents", service=SERVICE, default_dimensions={"Stack": _settings.stack_name}
    )
)
_session = botocore.session.get_session()


def _engine(day: str) -> Engine:
    found = _session.get_credentials()
    assert found is not None  # noqa: S101 -- Lambda provides those of the role
    keys = found.get_frozen_credentials()
    access = S3Access(
        str(keys.access_key),
        str(keys.secret_key),
        os.environ["AWS_REGION"],
        keys.token,
        os.environ.get("AWS_ENDPOINT_URL"),  # that of an emulator
    )
    engine = DuckDBEngine(
        f"s3://{_settings.bucket}",
        access,
        THREADS,
        _settings.first_day,
        has_older_files=True,
        day=day,
        settings=DUCKDB,
    )
    return TimeLimited(engine, DAY_MAX_S, Timer)


_s3: Any = _session.create_client("s3", config=CLIENTS)
_glue: Any = _session.create_client("glue", config=CLIENTS)
_run = Run(
    Totals(_s3, _settings.bucket, _engine, _settings.first_day),
    partial(HistoryStore(_s3, _settings.bucket).refresh, HistoryView(_glue, _settings.database)),
    Logger(service=SERVICE),
    _metrics,
)


def handler(_event: object, context: Any) -> None:  # noqa: ANN401 -- Lambda's, untyped
    end_s = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    _run(lambda: end_s - time.monotonic() > DAY_MAX_S + MARGIN_S)
