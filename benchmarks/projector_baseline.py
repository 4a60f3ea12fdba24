"""The baseline of benchmarks/projector.py: a conventional projector.

Powertools' batch processor handles the records one by one, boto3 deserialises their rows, fastavro encodes the events,
and boto3 puts each event as a separate record, as many per call as Kinesis allows. It promises no order if Kinesis
refuses records, detects no gaps, parks nothing and logs nothing: all of that would only make it slower.
"""

from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from boto3.dynamodb.types import TypeDeserializer

from account_events.avro.contract import load
from account_events.avro.schemas_path import SCHEMAS

CALL_RECORDS_MAX = 500
_EVENTS = {"CREATED": "AccountCreated", "WITHDRAW": "BalanceWithdrawn", "CREDIT": "BalanceCredited"}


class BaselineProjector:
    """A projector on a boto3 Kinesis client."""

    def __init__(self, client: Any, stream_name: str) -> None:  # noqa: ANN401 -- a boto3 client
        self._client = client
        self._stream_name = stream_name
        self._schemas = load(SCHEMAS).working
        self._deserialize = TypeDeserializer().deserialize
        self._processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
        self._entries: list[dict[str, Any]] = []

    def handler(self, event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 -- Lambda's, untyped
        self._entries = []
        answer = process_partial_response(event, self._take, self._processor, context)
        for start in range(0, len(self._entries), CALL_RECORDS_MAX):
            put = self._client.put_records(
                StreamName=self._stream_name, Records=self._entries[start : start + CALL_RECORDS_MAX]
            )
            if put["FailedRecordCount"]:
                raise RuntimeError(f"{put['FailedRecordCount']} records were refused")
        return answer

    def _take(self, record: DynamoDBRecord) -> None:
        row = {name: self._deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()}
        self._entries.append({"Data": self._encoded(row), "PartitionKey": row["AccountId"]})

    def _encoded(self, row: dict[str, Any]) -> bytes:
        schema = self._schemas[_EVENTS[row["Type"]]]
        body = BytesIO()
        fastavro.schemaless_writer(body, schema.parsed, _fields(row))
        return b"\xc3\x01" + schema.fingerprint + body.getvalue()


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    own = {"owner": row["Owner"]} if row["Type"] == "CREATED" else {"amount": row["Amount"]}
    return own | {
        "event_id": f"{row['AccountId']}:{row['Sequence']}",
        "account_id": row["AccountId"],
        "sequence": int(row["Sequence"]),
        "occurred_at": datetime.fromisoformat(row["Timestamp"]),
        "correlation_id": row["CorrelationId"],
        "causation_id": row.get("CommandId"),
        "request_id": row["RequestId"],
        "currency": row["Currency"],
        "balance": row["Balance"],
    }
