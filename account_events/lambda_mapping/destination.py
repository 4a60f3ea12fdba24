"""The invocation record for the on-failure destination.

Source of the fields and the S3 object key: AWS Lambda Developer Guide, "Retain discarded records for a DynamoDB event
source in Lambda" and "Retain discarded batch records for a Kinesis Data Streams event source in Lambda". S3 gets the
whole event as `payload`, while SQS gets only the positions of the records.

Where AWS is silent: `payload` is the event as a JSON string. For records that never reached the function, `requestId`
is empty and `responseContext` is null. AWS may merge several failed batches into one record; here, each has its own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.filters import SourceKind
from account_events.lambda_mapping.records import StreamRecord, encoded, lambda_event
from account_events.lambda_mapping.shard import Discard

_BATCH_INFO: Mapping[SourceKind, str] = {"dynamodb": "DDBStreamBatchInfo", "kinesis": "KinesisBatchInfo"}


def invocation_record(
    config: MappingConfig, shard_id: str, discard: Discard, *, now_s: float, with_payload: bool
) -> dict[str, Any]:
    """The JSON document about one discarded batch.

    Args:
        config: the mapping.
        shard_id: the records' shard.
        discard: the records, the reason, and the function's last response.
        now_s: when the records were discarded, seconds since the epoch.
        with_payload: True for S3.
    """
    first, last = discard.records[0], discard.records[-1]
    response = discard.last
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": response.request_id if response else "",
            "functionArn": config.function_arn,
            "condition": discard.condition.value,
            "approximateInvokeCount": discard.invoke_count,
        },
        "responseContext": response
        and {
            "statusCode": response.status_code,
            "executedVersion": response.executed_version,
            "functionError": response.function_error,
        },
        "version": "1.0",
        "timestamp": _iso(now_s, "milliseconds"),
        _BATCH_INFO[config.source_kind]: {
            "shardId": shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _arrival(first, config),
            "approximateArrivalOfLastRecord": _arrival(last, config),
            "batchSize": len(discard.records),
            "streamArn": config.stream_arn,
        },
    }
    if with_payload:
        document["payload"] = encoded(lambda_event(discard.records)).decode()
    return document


def object_key(mapping_uuid: str, shard_id: str, *, now_s: float, object_uuid: str) -> str:
    """`aws/lambda/<ESM-UUID>/<shardID>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<Random UUID>`, in UTC."""
    return f"aws/lambda/{mapping_uuid}/{shard_id}/{_utc(now_s):%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{object_uuid}"


def _arrival(record: StreamRecord, config: MappingConfig) -> str:
    """To the second for DynamoDB, to the millisecond for Kinesis, as in AWS's examples."""
    return _iso(record.created_at_s, "milliseconds" if config.source_kind == "kinesis" else "seconds")


def _iso(time_s: float, precision: str) -> str:
    return _utc(time_s).isoformat(timespec=precision).replace("+00:00", "Z")


def _utc(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
