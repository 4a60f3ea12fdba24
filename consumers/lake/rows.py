"""From an event's bytes to its row in the table. Pure.

A row is a line of JSON, which Firehose makes Parquet of: money is text with two decimals, so that it stays exact, and
times are text in microseconds. They are made from what the Avro body holds, cents and microseconds, without `Decimal`
and `datetime` in between: those take longer than all the rest (benchmarks/lake_transform.py). The checks are the
consumer kit's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple

from account_events.avro.contract import Schema
from account_events.avro.reader import Reader
from account_events.avro.values import MONEY_SCALE, cents_of, instant_of
from account_events.consumer.decoding import Decoder
from consumers.lake.errors import OutsidePartitions, UnknownEvent
from consumers.lake.table import EVENT_TYPES, timestamp

_MICROSECONDS = 1_000_000
_DAY_MS = 86_400_000
DATE_LENGTH = len("2026-11-25")


class Row(NamedTuple):
    """One event's.

    Attributes:
        dt, event_type: its partition.
        line: its other columns, a JSON object and a line feed.
    """

    dt: str
    event_type: str
    line: str


class Rows:
    """Makes rows.

    Args:
        decoder: reads the events.
        first_day: YYYY-MM-DD, the first partition that the table has.
    """

    def __init__(self, decoder: Decoder, first_day: str) -> None:
        self._decoder = decoder
        self._first_day = first_day

    def row(self, data: bytes, published_ms: int | None) -> Row:
        """The row of one (de-aggregated) record's data.

        Args:
            data: an event's.
            published_ms: when Kinesis took it, milliseconds since 1970; None for what does not come from the stream.

        Raises:
            account_events.avro.errors.Undecodable: it cannot be read.
            UnknownEvent, OutsidePartitions: it can, and there is no place for it.
        """
        schema, reader, values = self._decoder.primitives(data)
        if schema.name not in EVENT_TYPES:
            raise UnknownEvent(schema.name)
        occurred_at = _time(reader, values["occurred_at"])
        published_at = None if published_ms is None else _time_of_ms(published_ms)
        day = occurred_at[:DATE_LENGTH]
        if day < self._first_day:
            raise OutsidePartitions(day)
        if published_ms is not None and day > _time_of_ms(published_ms + _DAY_MS):
            raise OutsidePartitions(day, _time_of_ms(published_ms)[:DATE_LENGTH])
        return Row(day, schema.name, _line(schema, reader, values, occurred_at, published_at))


def _line(schema: Schema, reader: Reader, values: Mapping[str, Any], occurred_at: str, published_at: str | None) -> str:
    """The columns in the table's order; the events differ in which of owner and amount they have."""
    owner, amount = values.get("owner"), values.get("amount")
    return (
        f'{{"event_id":{quoted(values["event_id"])},"account_id":{quoted(values["account_id"])},'
        f'"sequence":{values["sequence"]},"occurred_at":"{occurred_at}",'
        f'"correlation_id":{quoted(values["correlation_id"])},"causation_id":{_optional(values["causation_id"])},'
        f'"request_id":{_optional(values["request_id"])},"owner":{_optional(owner)},'
        f'"currency":{quoted(values["currency"])},'
        f'"amount":{"null" if amount is None else _money(reader, "amount", amount)},'
        f'"balance":{_money(reader, "balance", values["balance"])},'
        f'"published_at":{_optional(published_at)},"schema_fingerprint":"{schema.fingerprint.hex()}"}}\n'
    )


def _optional(text: str | None) -> str:
    return "null" if text is None else quoted(text)


def _money(reader: Reader, field: str, body: bytes) -> str:
    try:
        whole = cents_of(body)
    except ValueError as error:
        raise reader.impossible(field, error) from error
    digits = f"{whole:03d}" if whole >= 0 else f"{whole:04d}"
    return f'"{digits[:-MONEY_SCALE]}.{digits[-MONEY_SCALE:]}"'


def _time(reader: Reader, microseconds: int) -> str:
    second, fraction = divmod(microseconds, _MICROSECONDS)
    try:
        return f"{_second(second)}.{fraction:06d}"
    except OverflowError as error:
        raise reader.impossible("occurred_at", error) from error


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    """Of many events of a batch the same."""
    return instant_of(second * _MICROSECONDS).replace(tzinfo=None).isoformat(" ")


@lru_cache(maxsize=4096)
def _time_of_ms(milliseconds: int) -> str:
    """As for the events of one record."""
    return timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC))
