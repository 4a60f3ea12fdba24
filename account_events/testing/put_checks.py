"""Checks a put: by the rules of boto3 before it is sent, and by the limits of Kinesis when it arrives."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import Shape
from botocore.validate import ParamValidator

# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html: no stream has lower limits.
CALL_RECORDS_MAX = 500
CALL_BYTES_MAX = 5 * 1024 * 1024
RECORD_BYTES_MAX = 1024 * 1024
PARTITION_KEY_MAX = 256
# .../APIReference/API_PutRecordsRequestEntry.html
HASH_KEY = re.compile(r"0|[1-9]\d{0,38}", re.ASCII)
HASH_KEY_MAX = 2**128 - 1


def check_parameters(operation: str, request: Mapping[str, Any]) -> None:
    """Check required parameters and types by boto3's own rules. Raises ParamValidationError."""
    report = ParamValidator().validate(dict(request), _input(operation))  # type: ignore[arg-type]  # both have one
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


def sent(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the entry as it arrives: boto3 sends text as UTF-8, and the caller may reuse its buffer."""
    data = entry["Data"]
    return {**entry, "Data": data.encode() if isinstance(data, str) else bytes(memoryview(data))}


def check_call(entries: Sequence[Mapping[str, Any]]) -> None:
    """Check the limits of Kinesis. Raises ClientError."""
    if not 1 <= len(entries) <= CALL_RECORDS_MAX:
        raise _invalid(f"a request must have 1 to {CALL_RECORDS_MAX} records, not {len(entries)}")
    if not all(
        "PartitionKey" in entry for entry in entries
    ):  # boto3 does not require it: a stream with the distribution strategy AUTO needs none
        raise _invalid("a PartitionKey is required for each record")
    sizes = [len(entry["Data"]) + len(entry["PartitionKey"].encode()) for entry in entries]
    if max(sizes) > RECORD_BYTES_MAX:
        raise _invalid(f"a record of {max(sizes)} bytes is too large")
    if sum(sizes) > CALL_BYTES_MAX:
        raise _invalid(f"{sum(sizes)} bytes are too many for a request", "InvalidArgumentException")
    for entry in entries:
        if not 1 <= len(entry["PartitionKey"]) <= PARTITION_KEY_MAX:
            raise _invalid(f"a PartitionKey must have 1 to {PARTITION_KEY_MAX} characters")
        if "ExplicitHashKey" in entry:
            _check_hash_key(entry["ExplicitHashKey"])


def _check_hash_key(key: str) -> None:
    if not HASH_KEY.fullmatch(key):
        raise _invalid(f"ExplicitHashKey {key[:50]!r} is not a decimal number: {HASH_KEY.pattern}")
    if int(key) > HASH_KEY_MAX:
        raise _invalid(f"ExplicitHashKey {key} is not in the range 0 to 2^128-1", "InvalidArgumentException")


def _invalid(message: str, code: str = "ValidationException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutRecords")


@cache
def _input(operation: str) -> Shape | None:
    """boto3's model of an operation's parameters, cached because loading it is slow."""
    service = botocore.session.get_session().get_service_model("kinesis")
    return service.operation_model(operation).input_shape
