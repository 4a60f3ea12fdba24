"""The envelope in which Firehose passes an event: base64 data, and the event's position and time on Kinesis. Pure.

Sources: AWS Lambda Developer Guide, "Process Amazon Data Firehose records" (the envelope); Lambda's test event "Process
Record Streams as source" (an arrival time in ISO 8601); Kinesis API Reference, Record (an arrival time in seconds).
"""

import re
from binascii import a2b_base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from consumers.lake.errors import BadEnvelope

EARLIEST_MS = 946_684_800_000
"""The year 2000. An earlier value is in another unit or is not a time."""
LATEST_MS = 253_402_214_400_000
"""The last day of the year 9999: a day later must still be a valid date."""
SECONDS_MAX = 100_000_000_000
"""A smaller number is in seconds, until the year 5138. In milliseconds it would be a time before March 1973."""
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?", re.ASCII)


def data_of(record: Mapping[str, Any]) -> bytes:
    """The record's data.

    Raises:
        BadEnvelope: the data is not base64.
    """
    try:
        return a2b_base64(record["data"], strict_mode=True)
    except (KeyError, TypeError, ValueError) as error:  # binascii's is a ValueError
        raise BadEnvelope("data is not base64") from error


def source_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record's position on the stream; empty if the record was put into Firehose directly."""
    source = record.get("kinesisRecordMetadata")
    return source if isinstance(source, dict) else {}


def published_ms(record: Mapping[str, Any]) -> int | None:
    """When Kinesis received the record, milliseconds since 1970; None if the envelope has no arrival time.

    Raises:
        BadEnvelope: the arrival time is invalid.
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
    """Converts a time to milliseconds since 1970.

    It may be a number of milliseconds or seconds since 1970, the text of such a number, or ISO 8601. ISO 8601 without
    an offset is taken as UTC.

    Raises:
        ValueError: the time is in another form, before 2000 or after 9999.
    """
    number = _number_of(when) if isinstance(when, str) else when
    if not isinstance(number, int | float) or isinstance(number, bool) or number != number:  # noqa: PLR0124 -- NaN
        raise ValueError(f"not a time: {str(when)[:50]!r}")
    in_ms = number * 1000 if abs(number) < SECONDS_MAX else number
    if EARLIEST_MS <= in_ms < LATEST_MS and (rounded := round(in_ms)) < LATEST_MS:
        return rounded
    raise ValueError("not a time between 2000 and 9999")


def _number_of(text: str) -> int | float:
    """The number in the text; for ISO 8601, milliseconds since 1970."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    try:
        instant = datetime.fromisoformat(text)
        return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"not a time: {text[:50]!r}") from None
