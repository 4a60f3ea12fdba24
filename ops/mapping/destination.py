"""The invocation record that goes to the on-failure destination.

Source: AWS Lambda Developer Guide, "Retain discarded records for a DynamoDB event source in Lambda": the fields, that
S3 gets the whole event as `payload` while SQS gets only where the records are, and the S3 object key.

Our choices: `payload` is the event as a JSON string; for records that never reached the function `requestId` is empty
and `responseContext` null. AWS may merge the records of several failed batches into one; we write one each.
"""

from datetime import UTC, datetime
from typing import Any

from ops.mapping.config import MappingConfig
from ops.mapping.records import encoded, lambda_event
from ops.mapping.shard import Discard


def invocation_record(
    config: MappingConfig, shard_id: str, discard: Discard, *, now_s: float, with_payload: bool
) -> dict[str, Any]:
    """The JSON document about one discarded batch.

    Args:
        config: the mapping.
        shard_id: the shard the records came from.
        discard: the records, why they were given up, and the last answer of the function.
        now_s: when they were given up, seconds since the epoch.
        with_payload: True for S3.
    """
    first, last = discard.records[0], discard.records[-1]
    answer = discard.last
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": answer.request_id if answer else "",
            "functionArn": config.function_arn,
            "condition": discard.condition.value,
            "approximateInvokeCount": discard.invoke_count,
        },
        "responseContext": answer
        and {
            "statusCode": answer.status_code,
            "executedVersion": answer.executed_version,
            "functionError": answer.function_error,
        },
        "version": "1.0",
        "timestamp": _utc(now_s).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "DDBStreamBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _seconds(first.created_at_s),
            "approximateArrivalOfLastRecord": _seconds(last.created_at_s),
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


def _seconds(time_s: float) -> str:
    return f"{_utc(time_s):%Y-%m-%dT%H:%M:%SZ}"


def _utc(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
