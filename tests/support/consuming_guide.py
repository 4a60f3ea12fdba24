"""Runs the examples of docs/consuming.md.

It imports nothing but account_events, boto3 and moto, so that it also runs where only the wheel is installed:

    python consuming_guide.py docs/consuming.md INBOX

INBOX is the CreateTable request for the inbox's table, in JSON.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws

from account_events.consumer import LambdaHandler
from account_events.testing import history, published, transferred

PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
ALMA, BO = history("alma", "100.00", "-30.00", "5.00", owner="ida"), history("bo", "20.00", owner="jo")
CARL, DORA = transferred(history("carl", "50.00"), history("dora"), "20.00")
SENT = (published(ALMA), published(ALMA[:2]), published(BO))
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
TURNOVER: dict[str, Any] = {
    "TableName": "turnover",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "Currency", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "Currency", "KeyType": "HASH"}],
}
TRANSFERS: dict[str, Any] = {
    "TableName": "transfers",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "TransferId", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "TransferId", "KeyType": "HASH"}],
}


def run(guide: str, inbox: Mapping[str, Any]) -> None:
    """Run all examples in one Python session, as a reader would, and check their effects."""
    names: dict[str, Any] = {}
    with mock.patch.dict(os.environ, AWS), mock_aws(), redirect_stdout(StringIO()) as printed:
        dynamodb, kinesis = boto3.client("dynamodb"), boto3.client("kinesis")
        others = ({**inbox, "TableName": name} for name in ("balances", "transfers-inbox"))
        for table in (inbox, *others, TURNOVER, TRANSFERS):
            dynamodb.create_table(**table)
        kinesis.create_stream(StreamName="events", ShardCount=1)
        for record in (record for stream in SENT for record in stream.get_records()):
            kinesis.put_record(StreamName="events", Data=record["Data"], PartitionKey=record["PartitionKey"])
        for example in examples(guide):
            exec(compile(example, "consuming.md", "exec"), names)  # noqa: S102 -- our own
        assert printed.getvalue() == f"{len(ALMA) + len(BO)} applied\n", printed.getvalue()
        assert names["balances"] == {"alma": Decimal("75.00"), "bo": Decimal("20.00")}
        assert names["owners"] == {"alma": "ida", "bo": "jo"}
        for stream in (SENT[0], SENT[1]):
            assert names["handler"](stream.lambda_event()) == {"batchItemFailures": []}
        listing = LambdaHandler(names["listing"], now=lambda: 0.0, report=lambda _: None)
        for stream in SENT:
            assert listing(stream.lambda_event()) == {"batchItemFailures": []}
        items = dynamodb.scan(TableName="balances")["Items"]
        assert {each["AccountId"]["S"]: Decimal(each["Balance"]["N"]) for each in items} == names["balances"]
        [turnover] = dynamodb.scan(TableName="turnover")["Items"]
        assert Decimal(turnover["Turnover"]["N"]) == Decimal("135.00")
        pairing = LambdaHandler(names["pairing"], now=lambda: 0.0, report=lambda _: None)
        for events in (DORA, CARL):  # the credit comes first
            assert pairing(published(events).lambda_event()) == {"batchItemFailures": []}
        [pair] = dynamodb.scan(TableName="transfers")["Items"]
        assert Decimal(pair.pop("Amount")["N"]) == Decimal("20.00")
        both = {"TransferId": {"S": "transfer-1"}, "PaidBy": {"S": "carl"}, "ReceivedBy": {"S": "dora"}}
        assert pair == both, pair


def examples(guide: str) -> list[str]:
    """The guide's Python examples, except the program for the KCL, which tests/docs/test_kcl_guide.py runs."""
    return [each for each in PYTHON.findall(guide) if not each.startswith("# consumer.py")]


if __name__ == "__main__":
    run(Path(sys.argv[1]).read_text(encoding="utf-8"), json.loads(sys.argv[2]))
