"""Stream records as Lambda delivers them, from a DynamoDB table's stream or from Kinesis. Pure."""

from collections.abc import Mapping
from typing import Any

from account_events.testing.table_key import TableKey

StreamRecord = dict[str, Any]
"""One element of a Lambda event's `Records`.

docs.aws.amazon.com/lambda/latest/dg/with-ddb.html and .../with-kinesis.html
"""

Image = Mapping[str, Any]
"""An item of a table in DynamoDB JSON."""

# The sequence numbers cross a power of ten, where numbers and their decimal strings sort differently.
FIRST_SEQUENCE_NUMBER = 10**24 - 5_000
FIRST_CREATED_AT_S = 1769851800
SIZE_BYTES = 260
STREAM_ARN = "arn:aws:dynamodb:eu-central-1:000000000000:table/replayed/stream/2026-01-31T00:00:00.000"


def image_record(image: Image, number: int, key: TableKey, event_name: str = "INSERT") -> StreamRecord:
    """A record with the item as its new image; by default, an INSERT."""
    return {
        "eventID": f"{number:032x}",
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": FIRST_CREATED_AT_S + number,
            "Keys": key.in_item(image),
            "NewImage": image,
            "SequenceNumber": sequence_number(number),
            "SizeBytes": SIZE_BYTES,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": STREAM_ARN,
    }


def sequence_number(number: int) -> str:
    return str(FIRST_SEQUENCE_NUMBER + 1_000 * number)


def is_of_kinesis(record: StreamRecord) -> bool:
    return "kinesis" in record


def number_of(record: StreamRecord) -> str:
    """The record's sequence number, which identifies it in the stream."""
    number: str = record["kinesis"]["sequenceNumber"] if is_of_kinesis(record) else record["dynamodb"]["SequenceNumber"]
    return number


def created_at_s(record: StreamRecord) -> float:
    """When the stream received the record, in seconds since 1970; 0 if the record has no time."""
    if is_of_kinesis(record):
        return float(record["kinesis"].get("approximateArrivalTimestamp") or 0)
    return float(record["dynamodb"].get("ApproximateCreationDateTime") or 0)


def renumbered(record: StreamRecord, number: int) -> StreamRecord:
    """The record with another sequence number."""
    if is_of_kinesis(record):
        return {**record, "kinesis": {**record["kinesis"], "sequenceNumber": sequence_number(number)}}
    return {**record, "dynamodb": {**record["dynamodb"], "SequenceNumber": sequence_number(number)}}
