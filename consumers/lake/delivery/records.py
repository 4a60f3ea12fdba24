"""Makes Firehose's records from those of Kinesis: aggregates are unpacked before the function sees them. Pure.

Source: Amazon Data Firehose Developer Guide, "Data delivery" (records that the Kinesis Producer Library aggregated are
de-aggregated before they are delivered to Lambda); AWS Lambda Developer Guide, "Process Firehose records" (the event).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import CorruptAggregate


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record on its way through Firehose.

    Attributes:
        record_id: made of the record's position on the stream; real Firehose's ids are opaque.
        subsequence_number: the record's index in the aggregate.
        published_ms: when Kinesis received it, milliseconds since 1970.
        arrived_ms: when Firehose read it, milliseconds since 1970.
    """

    record_id: str
    data: bytes
    shard_id: str
    sequence_number: str
    subsequence_number: int
    partition_key: str
    published_ms: int
    arrived_ms: int


def source_records(event: Mapping[str, Any], now_ms: int) -> list[SourceRecord]:
    """The records that Firehose makes of one Kinesis record.

    A damaged or empty aggregate is passed on unchanged: the function refuses it, and Firehose keeps it.

    Args:
        event: a record as in Lambda's event, see `account_events.lambda_mapping.records.kinesis_lambda_record`.
        now_ms: milliseconds since 1970.
    """
    kinesis, shard_id = event["kinesis"], event["eventID"].partition(":")[0]
    data = base64.b64decode(kinesis["data"])
    try:
        datas = unpack(data) or [data]
    except CorruptAggregate:
        datas = [data]
    number = kinesis["sequenceNumber"]
    published_ms = round(kinesis["approximateArrivalTimestamp"] * 1000)
    return [
        SourceRecord(
            f"{shard_id}:{number}:{sub}", each, shard_id, number, sub, kinesis["partitionKey"], published_ms, now_ms
        )
        for sub, each in enumerate(datas)
    ]


def invocation(
    records: Sequence[SourceRecord], invocation_id: str, stream_arn: str, delivery_arn: str
) -> dict[str, Any]:
    """The event with which Firehose invokes the function."""
    return {
        "invocationId": invocation_id,
        "deliveryStreamArn": delivery_arn,
        "sourceKinesisStreamArn": stream_arn,
        "region": stream_arn.split(":")[3],
        "records": [
            {
                "recordId": record.record_id,
                "approximateArrivalTimestamp": record.arrived_ms,
                "data": base64.b64encode(record.data).decode(),
                "kinesisRecordMetadata": {
                    "sequenceNumber": record.sequence_number,
                    "subsequenceNumber": record.subsequence_number,
                    "partitionKey": record.partition_key,
                    "shardId": record.shard_id,
                    "approximateArrivalTimestamp": record.published_ms,
                },
            }
            for record in records
        ],
    }
