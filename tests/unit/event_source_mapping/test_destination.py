import json

from account_events.lambda_mapping.destination import invocation_record, object_key
from account_events.lambda_mapping.outcome import Invoked
from account_events.lambda_mapping.shard import Condition, Discard
from tests.unit.event_source_mapping.given import (
    FUNCTION_ARN,
    KINESIS_ARN,
    NOW_S,
    STREAM_ARN,
    config,
    event,
    kinesis_config,
    record,
)

LAST = Invoked(
    {"errorMessage": "boom"}, function_error="Unhandled", request_id="316aa6d0", status_code=200, executed_version="7"
)
DISCARD = Discard(
    (record(8, created_at_s=NOW_S - 30), record(10, created_at_s=NOW_S - 0.5)),
    Condition.RETRY_ATTEMPTS_EXHAUSTED,
    invoke_count=3,
    last=LAST,
)
DOCUMENT = {
    "requestContext": {
        "requestId": "316aa6d0",
        "functionArn": FUNCTION_ARN,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    },
    "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
    "version": "1.0",
    "timestamp": "2023-11-14T22:13:20.250Z",
    "DDBStreamBatchInfo": {
        "shardId": "shardId-1",
        "startSequenceNumber": "8",
        "endSequenceNumber": "10",
        "approximateArrivalOfFirstRecord": "2023-11-14T22:12:50Z",
        "approximateArrivalOfLastRecord": "2023-11-14T22:13:19Z",
        "batchSize": 2,
        "streamArn": STREAM_ARN,
    },
}


def test_a_queue_gets_the_position_of_the_discarded_records() -> None:
    assert invocation_record(config(), "shardId-1", DISCARD, now_s=NOW_S + 0.25, with_payload=False) == DOCUMENT


def test_a_bucket_also_gets_the_event_as_a_json_string() -> None:
    document = invocation_record(config(), "shardId-1", DISCARD, now_s=NOW_S + 0.25, with_payload=True)
    payload = document.pop("payload")
    assert document == DOCUMENT
    assert isinstance(payload, str)
    assert json.loads(payload) == {"Records": [event(8, created_at_s=NOW_S - 30), event(10, created_at_s=NOW_S - 0.5)]}


def test_arrival_times_of_kinesis_records_have_milliseconds() -> None:
    document = invocation_record(kinesis_config(), "shardId-1", DISCARD, now_s=NOW_S + 0.25, with_payload=False)
    info = {**DOCUMENT["DDBStreamBatchInfo"], "streamArn": KINESIS_ARN}  # type: ignore[dict-item]
    info["approximateArrivalOfFirstRecord"] = "2023-11-14T22:12:50.000Z"
    info["approximateArrivalOfLastRecord"] = "2023-11-14T22:13:19.500Z"
    expected = {key: value for key, value in DOCUMENT.items() if key != "DDBStreamBatchInfo"}
    assert document == {**expected, "KinesisBatchInfo": info}


def test_records_that_never_reached_the_function_have_no_response() -> None:
    discard = Discard((record(8),), Condition.RECORD_AGE_EXCEEDED, invoke_count=0, last=None)
    document = invocation_record(config(), "shardId-1", discard, now_s=NOW_S, with_payload=False)
    assert document["requestContext"] == {
        "requestId": "",
        "functionArn": FUNCTION_ARN,
        "condition": "RecordAgeExceeded",
        "approximateInvokeCount": 0,
    }
    assert document["responseContext"] is None


def test_the_object_key_has_the_documented_form() -> None:
    assert (
        object_key("esm-uuid", "shardId-1", now_s=NOW_S, object_uuid="random")
        == "aws/lambda/esm-uuid/shardId-1/2023/11/14/2023-11-14T22.13.20-random"
    )
