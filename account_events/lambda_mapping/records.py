"""Stream records in the shape in which AWS Lambda passes them to a function."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# "Lambda quotas": 6 MB each for request and response of a synchronous invocation.
PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
ENVELOPE_BYTES = len('{"Records":[]}')


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record of a shard.

    Attributes:
        created_at_s: ApproximateCreationDateTime, or approximateArrivalTimestamp in Kinesis; seconds since the epoch.
        event: the record as one element of a Lambda event's `Records`.
        size_bytes: the record's share of the payload, without the comma.
    """

    sequence_number: str
    created_at_s: float
    event: Mapping[str, Any]
    size_bytes: int

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "StreamRecord":
        """The record of one element of a Lambda event's `Records`."""
        if "kinesis" in event:
            number, created_at = "sequenceNumber", "approximateArrivalTimestamp"
            body = event["kinesis"]
        else:
            number, created_at = "SequenceNumber", "ApproximateCreationDateTime"
            body = event["dynamodb"]
        return cls(
            sequence_number=str(body[number]),
            created_at_s=float(body[created_at]),
            event=event,
            size_bytes=len(encoded(event)),
        )


def encoded(document: object) -> bytes:
    """Compact UTF-8 JSON: the form in which Lambda sends a document and measures its size."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def lambda_event(records: Iterable[StreamRecord]) -> dict[str, Any]:
    """The event that a function receives ("Using AWS Lambda with Amazon DynamoDB", "... Kinesis": example event)."""
    return {"Records": [record.event for record in records]}


def lambda_record(api_record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Turn a record of the SDK's GetRecords into an element of a Lambda event's `Records`.

    Lambda adds `eventSourceARN`.
    """
    return {**as_delivered(api_record), "eventSourceARN": stream_arn}


def as_delivered(api_record: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a GetRecords record as Lambda delivers them.

    The SDK returns times as datetimes and binary values as bytes; Lambda delivers seconds since the epoch as a number
    and base64 text. For an expired item, the API's `userIdentity` has `Type` and `PrincipalId` (API reference of
    DynamoDB Streams, "Identity"); the event has `type` and `principalId` ("DynamoDB Streams and Time to Live"). Members
    without a value are left out.
    """
    record = {name: _plain(value) for name, value in api_record.items() if value is not None}
    if isinstance(identity := record.get("userIdentity"), dict):
        record["userIdentity"] = {f"{name[:1].lower()}{name[1:]}": value for name, value in identity.items()}
    return record


def kinesis_lambda_record(
    api_record: Mapping[str, Any], shard_id: str, stream_arn: str, invoke_identity_arn: str
) -> dict[str, Any]:
    """Turn a record of Kinesis' GetRecords into an element of a Lambda event's `Records`.

    Lambda does not unpack the data: an aggregate of the Kinesis Producer Library stays one record.
    """
    sequence_number = api_record["SequenceNumber"]
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": api_record["PartitionKey"],
            "sequenceNumber": sequence_number,
            "data": _plain(api_record["Data"]),
            "approximateArrivalTimestamp": api_record["ApproximateArrivalTimestamp"].timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": invoke_identity_arn,
        "awsRegion": stream_arn.split(":")[3],
        "eventSourceARN": stream_arn,
    }


def payload_prefix(records: Sequence[StreamRecord], count_max: int) -> int:
    """How many records from the start fit into one invocation: at most `count_max` and 6 MB of JSON, at least one."""
    size_bytes = ENVELOPE_BYTES
    for count, record in enumerate(records[:count_max]):
        size_bytes += record.size_bytes + (1 if count else 0)
        if size_bytes > PAYLOAD_BYTES_MAX and count:
            return count
    return min(len(records), count_max)


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any value that the SDK returns
    match value:
        case datetime():
            seconds = value.timestamp()
            return int(seconds) if seconds.is_integer() else seconds
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return value
