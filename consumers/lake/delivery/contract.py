"""The contract of Firehose's transformation: what the function must answer, and how Firehose treats each record. Pure.

Source: Amazon Data Firehose Developer Guide, "Transform source data" and "Required parameters for data transformation"
(each recordId exactly once, result, data); "Monitor Amazon Data Firehose using CloudWatch Logs" (error codes); AWS
Lambda, "Quotas" (6 MB).
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumers.lake.delivery.records import SourceRecord

PAYLOAD_BYTES_MAX = 6 * 2**20
"""Lambda's limit for the request and for the answer of a synchronous invocation."""


@dataclass(frozen=True, slots=True)
class Transformed:
    """A record whose result is Ok.

    Attributes:
        keys: the values of the partition keys, by name.
    """

    record: SourceRecord
    data: bytes
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Failed:
    """A record that goes to the error prefix, with the reason."""

    record: SourceRecord
    code: str
    message: str


class BadAnswer(Exception):
    """The whole answer is invalid: the invocation counts as failed and is retried."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def outcomes_of(records: Sequence[SourceRecord], payload: bytes) -> list[Transformed | Failed]:
    """The outcome of each record of a batch, in order, without those that the function dropped.

    Raises:
        BadAnswer: the answer exceeds 6 MB, is not JSON, or has no list of records.
    """
    answers = _answers(payload)
    ids = Counter(_text(answer, "recordId") for answer in answers)
    by_id = {_text(answer, "recordId"): answer for answer in answers}
    outcomes = [_outcome(record, by_id.get(record.record_id), ids[record.record_id]) for record in records]
    return [outcome for outcome in outcomes if outcome is not None]


def _answers(payload: bytes) -> list[Any]:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise BadAnswer("Lambda.FunctionError", f"The function's answer has {len(payload)} bytes; the limit is 6 MB.")
    try:
        answers = json.loads(payload)["records"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadAnswer(
            "Lambda.JsonProcessingException", f"The function's answer is invalid: {type(error).__name__}."
        ) from error
    if not isinstance(answers, list):
        raise BadAnswer("Lambda.JsonProcessingException", "The function's answer has no list of records.")
    return answers


def _outcome(record: SourceRecord, answer: Mapping[str, Any] | None, times: int) -> Transformed | Failed | None:
    if answer is None:
        return Failed(record, "Lambda.MissingRecordId", "The function's answer lacks the record's id.")
    if times > 1:
        return Failed(record, "Lambda.DuplicatedRecordId", f"The function's answer has the record's id {times} times.")
    match answer.get("result"):
        case "Dropped":
            return None
        case "ProcessingFailed":
            return Failed(record, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
        case "Ok":
            return _ok(record, answer)
    return Failed(record, "Lambda.JsonProcessingException", f"Unknown result {answer.get('result')!r}.")


def _ok(record: SourceRecord, answer: Mapping[str, Any]) -> Transformed | Failed:
    try:
        data = base64.b64decode(answer["data"], validate=True)
    except (KeyError, TypeError, ValueError):  # binascii's is a ValueError
        return Failed(record, "Lambda.JsonProcessingException", "The record's data is missing or is not base64.")
    metadata = answer.get("metadata")
    keys = metadata.get("partitionKeys") if isinstance(metadata, dict) else None
    if not isinstance(keys, dict) or not keys or not all(isinstance(value, str) and value for value in keys.values()):
        return Failed(record, "DynamicPartitioning.MetadataExtractionFailed", "The record has no partition keys.")
    return Transformed(record, data, keys)


def _text(answer: Any, name: str) -> str:  # noqa: ANN401 -- out of JSON
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, str) else ""


def json_objects(data: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a record.

    Raises:
        ValueError: the data is empty, or holds anything else.
    """
    text, at, found = data.decode(), 0, []
    decoder = json.JSONDecoder()
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 -- about the data, not an argument
        found.append(document)
        while at < len(text) and text[at].isspace():
            at += 1
    if not found:
        raise ValueError("the record is empty")
    return found
