"""The API's Lambda function: environment, clients and wiring for `api/http_api.py`."""

import logging
import os
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from account_core.api.access_log import AccessLog
from account_core.api.http_api import HttpApi
from account_core.service.execution import backoff_s
from account_core.service.head_cache import HeadCache
from account_core.service.service import AccountService
from account_core.settings import READS, WRITES, Settings
from account_core.store.dynamodb_owned import DynamoDBOwnedAccounts
from account_core.store.dynamodb_store import DynamoDBAccountStore

logging.getLogger("botocore").setLevel(logging.INFO)  # it logs the content of requests at the level DEBUG
_settings = Settings.read(os.environ)
_metrics = Metrics(
    provider=AmazonCloudWatchEMFProvider(
        namespace="AccountEvents", service="account-api", default_dimensions={"Stack": _settings.stack_name}
    )
)
_session: Any = (
    botocore.session.get_session()
)  # not boto3, which takes longer to import; untyped, because it has no stubs
_reads = _session.create_client("dynamodb", config=READS)
_store = DynamoDBAccountStore(
    reads=_reads,
    writes=_session.create_client("dynamodb", config=WRITES),
    table_name=_settings.table_name,
)


def _pause(conflicts: int) -> None:
    time.sleep(backoff_s(conflicts, random.random()))  # noqa: S311 -- jitter


_api = HttpApi(
    AccountService(_store, HeadCache(time.time), _pause),
    DynamoDBOwnedAccounts(_reads, _settings.owned_table_name),
    now=lambda: datetime.now(UTC),
    new_id=lambda: str(uuid.uuid4()),
    log=AccessLog(Logger(service="account-api"), _metrics),
    authorisation=_settings.authorisation,
    operator_scope=_settings.operator_scope,
    has_transfers=_settings.has_transfers,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 -- Lambda's, untyped
    return _api(event, context)
