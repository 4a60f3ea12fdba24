"""What Firehose wraps around an event: its data in base64, and where and when Kinesis took it. Pure.

Source: AWS Lambda Developer Guide, "Process Amazon Data Firehose records" (the event); Lambda's test event "Process
Record Streams as source", whose arrival time is ISO 8601 text; Kinesis API Reference, Record (seconds as a number).
"""

import re
from binascii import a2b_base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from consumers.lake.errors import BadEnvelope

EARLIEST_MS = 946_684_800_000
"""The year 2000. An earlier time is one of another unit, or none."""
LATEST_MS = 253_402_214_400_000
"""The last day of the year 9999, of which nothing can be a day later."""
SECONDS_MAX = 100_000_000_000
"""A number below is one of seconds, until the year 5138: as milliseconds it would be before March 1973."""
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?", re.ASCII)


def data_of(record: Mapping[str, Any]) -> bytes:
    """The record's data.

    Raises:
        BadEnvelope: it is not base64.
    """
    try:
        return a2b_base64(record["data"], strict_mode=True)
    except (KeyError, TypeError, ValueError) as error:  # binascii's is a ValueError
        raise BadEnvelope("data is not base64") from error


def source_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where the record was on the stream; empty for one that was put into Firehose directly."""
    source = record.get("kinesisRecordMetadata")
    return source if isinstance(source, dict) else {}


def published_ms(record: Mapping[str, Any]) -> int | None:
    """When Kinesis took the record, milliseconds since 1970; None if the envelope does not say.

    Raises:
        BadEnvelope: what it says is not a time.
    """
    when = source_of(record).get("approximateArrivalTimestamp")
    if type(when) is int and EARLIEST_MS <= when < LATEST_MS:  # as in production
        return when
    if when is None:
        return None
    try:
        return milliseconds(when)
    except ValueError as error:
        raise BadEnvelope(f"approximateArrivalTimestamp is {error}") from error


def milliseconds(when: object) -> int:
    """A time since 1970 in milliseconds: from a number of these or of seconds, such a number's text, or ISO 8601.

    Text without an offset is in UTC.

    Raises:
        ValueError: it is none of these, or before 2000 or after 9999.
    """
    number = _number_of(when) if isinstance(when, str) else when
    if not isinstance(number, int | float) or isinstance(number, bool) or number != number:  # noqa: PLR0124 -- NaN
        raise ValueError(f"not a time: {str(when)[:50]!r}")
    in_ms = number * 1000 if abs(number) < SECONDS_MAX else number
    if EARLIEST_MS <= in_ms < LATEST_MS and (rounded := round(in_ms)) < LATEST_MS:
        return rounded
    raise ValueError("not a time between 2000 and 9999")


def _number_of(text: str) -> int | float:
    """Of milliseconds or seconds, as in the text."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    try:
        instant = datetime.fromisoformat(text)
        return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"not a time: {text[:50]!r}") from None
