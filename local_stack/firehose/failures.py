"""The documents that Firehose writes for failed records under the error prefix, one line of JSON each. Pure.

Source: Amazon Data Firehose Developer Guide, "Handle failure in data transformation" and "Handling errors for data
format conversion".
"""

import base64
import json

from consumers.lake.delivery.contract import Failed
from consumers.lake.delivery.records import SourceRecord


def processing_failed(failed: Failed, attempts: int, now_ms: int, function_arn: str) -> bytes:
    """Return the document for a record that the function failed to transform, with the data from Kinesis."""
    return _line(
        {
            "attemptsMade": attempts,
            "arrivalTimestamp": failed.record.arrived_ms,
            "errorCode": failed.code,
            "errorMessage": failed.message,
            "attemptEndingTimestamp": now_ms,
            "rawData": base64.b64encode(failed.record.data).decode(),
            "lambdaArn": function_arn,
        }
    )


def conversion_failed(record: SourceRecord, data: bytes, message: str, now_ms: int, table: dict[str, str]) -> bytes:
    """Return the document for a row that does not match the table, with the data from the function."""
    return _line(
        {
            "attemptsMade": 1,
            "arrivalTimestamp": record.arrived_ms,
            "lastErrorCode": "DataFormatConversion.MalformedData",
            "lastErrorMessage": message,
            "attemptEndingTimestamp": now_ms,
            "rawData": base64.b64encode(data).decode(),
            "sequenceNumber": record.sequence_number,
            "subSequenceNumber": record.subsequence_number,
            "dataCatalogTable": table,
        }
    )


def _line(document: dict[str, object]) -> bytes:
    return json.dumps(document).encode() + b"\n"
