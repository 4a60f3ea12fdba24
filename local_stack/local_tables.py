"""The accounts table as in template.yaml, for tests and benchmarks that deploy no stack."""

import uuid
from functools import cache
from typing import Any

import boto3

from account_core.rows.layout import TABLE_SCHEMA
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY


@cache
def session() -> boto3.session.Session:
    """Share one session with the emulator's public credentials, because each new one reads botocore's data again."""
    return boto3.session.Session(
        aws_access_key_id=ROOT_ACCESS_KEY_ID, aws_secret_access_key=ROOT_SECRET_ACCESS_KEY, region_name=REGION
    )


def make_table(client: Any) -> str:  # noqa: ANN401 -- a boto3 client
    name = f"accounts-{uuid.uuid4()}"
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA)
    return name
