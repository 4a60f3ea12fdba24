"""The API's Lambda function: environment, clients and wiring. What it does is in `http_api`."""

import os
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from account_core.dynamodb_store import DynamoDBAccountStore
from account_core.http_api import HttpApi
from account_core.service import AccountService
from account_core.settings import CONNECT_TIMEOUT_S, READ_ATTEMPTS_MAX, READ_TIMEOUT_S, Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def _client(attempts_max: int) -> "DynamoDBClient":
    return boto3.client(
        "dynamodb",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": attempts_max, "mode": "standard"},
        ),
    )


_store = DynamoDBAccountStore(
    reads=_client(READ_ATTEMPTS_MAX),
    writes=_client(1),
    table_name=Settings.read(os.environ).table_name,
)
_api = HttpApi(
    AccountService(_store),
    now=lambda: datetime.now(UTC),
    new_id=lambda: str(uuid.uuid4()),
    logger=Logger(service="account-api"),
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 -- Lambda's, untyped
    return _api(event, context)
