"""Turns an event's bytes into its row in the table. Pure.

A row is a line of JSON, which Firehose converts to Parquet. Money is text with two decimals, to stay exact; times are
text with microseconds. Both are made directly from the integers in the Avro body, because converting to `Decimal` and
`datetime` would take longer than everything else (benchmarks/lake_transform.py). The consumer kit checks the event.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import takewhile
from json.encoder import encode_basestring_ascii as quoted
from operator import call, itemgetter
from typing import Any, NamedTuple

from account_events.avro.contract import Schema
from account_events.avro.reader import Reader
from account_events.avro.values import MONEY_SCALE, cents_of, instant_of
from account_events.consumer.decoding import Decoder
from consumers.lake.added_columns import OCCURRED_AT_US, PUBLISHED_AT, SCHEMA_FINGERPRINT, Column
from consumers.lake.errors import OutsidePartitions, UnknownEvent
from consumers.lake.table import COLUMNS, EVENT_TYPES, MONEY, timestamp

_Writer = Callable[[Any], str]
_MICROSECONDS = 1_000_000
_DAY_MS = 86_400_000
_OCCURRED_AT = "occurred_at"
DATE_LENGTH = len("2026-11-25")
_DATE_IN_JSON = slice(1, 1 + DATE_LENGTH)
"""The date in a time that is quoted as JSON."""


class Row(NamedTuple):
    """The row of one event.

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
        first_day: the table's first partition, YYYY-MM-DD.
    """

    def __init__(self, decoder: Decoder, first_day: str) -> None:
        self._decoder = decoder
        self._first_day = first_day
        self._layouts: dict[Schema, _Layout] = {}

    def row(self, data: bytes, published_ms: int | None) -> Row:
        """The row of one (de-aggregated) record's data.

        Args:
            data: one event.
            published_ms: when Kinesis received it, milliseconds since 1970; None for an event from the ledger.

        Raises:
            account_events.avro.errors.Undecodable: the event cannot be read.
            UnknownEvent, OutsidePartitions: the table has no partition for the event.
        """
        schema, reader, values = self._decoder.primitives(data)
        if schema.name not in EVENT_TYPES:
            raise UnknownEvent(schema.name)
        layout = self._layouts.get(schema) or self._layouts.setdefault(schema, _layout(schema, values))
        texts = _texts(layout, reader, values)
        day = texts[layout.occurred_at][_DATE_IN_JSON]
        if day < self._first_day:
            raise OutsidePartitions(day)
        published = _NOT_PUBLISHED if published_ms is None else _published(published_ms)
        if day > published.last_day:
            raise OutsidePartitions(day, published.day)
        return Row(day, schema.name, layout.template % (*texts, published.text, values[_OCCURRED_AT]))


class _Published(NamedTuple):
    """When Kinesis received an event: as JSON, its day, and the last day on which the event may have occurred."""

    text: str
    day: str
    last_day: str


_NOT_PUBLISHED = _Published("null", "", "9999-12-31")


class _Layout(NamedTuple):
    """How the events of one schema become lines.

    Attributes:
        template: the line, with a `%s` for each of the event's values, in the table's order, and for two more values at
            its end: published_at and occurred_at_us.
        names: the fields that the event has, in the table's order.
        values: returns the primitive values of these fields.
        writers: for each of these fields, the function that makes JSON of its primitive value.
        occurred_at: the index of this field.
    """

    template: str
    names: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    writers: tuple[_Writer, ...]
    occurred_at: int


def _layout(schema: Schema, values: Mapping[str, Any]) -> _Layout:
    """The columns in the table's order, apart from the two at the end; a column without a value is null."""
    at_the_end = (PUBLISHED_AT, OCCURRED_AT_US)
    fields = [column for column in COLUMNS if column.name in values]
    constant = {SCHEMA_FINGERPRINT: f'"{schema.fingerprint.hex()}"'}
    columns = [
        f'"{each.name}":' + ("%s" if each in fields else constant.get(each, "null"))
        for each in COLUMNS
        if each not in at_the_end
    ]
    template = "{" + ",".join([*columns, *(f'"{each.name}":%s' for each in at_the_end)]) + "}\n"
    names = tuple(field.name for field in fields)
    return _Layout(template, names, itemgetter(*names), tuple(map(_writer, fields)), names.index(_OCCURRED_AT))


def _texts(layout: _Layout, reader: Reader, values: Mapping[str, Any]) -> list[str]:
    """The values as JSON.

    Raises:
        account_events.avro.errors.CorruptBody: an amount or a time is out of range.
    """
    primitives = layout.values(values)
    try:
        return list(map(call, layout.writers, primitives))
    except (ValueError, OverflowError) as error:
        accepted = takewhile(lambda pair: _accepts(*pair), zip(layout.writers, primitives, strict=True))
        raise reader.impossible(layout.names[len(list(accepted))], error) from error


def _accepts(write: _Writer, value: Any) -> bool:  # noqa: ANN401 -- a primitive value of Avro
    try:
        write(value)
    except (ValueError, OverflowError):
        return False
    return True


def _writer(column: Column) -> _Writer:
    write = _WRITERS[column.glue_type]
    return (lambda value: "null" if value is None else write(value)) if column.optional else write


def _money(body: bytes) -> str:
    cents = cents_of(body)
    digits = f"{cents:03d}" if cents >= 0 else f"{cents:04d}"
    return f'"{digits[:-MONEY_SCALE]}.{digits[-MONEY_SCALE:]}"'


def _time(microseconds: int) -> str:
    second, fraction = divmod(microseconds, _MICROSECONDS)
    return f'"{_second(second)}.{fraction:06d}"'


_WRITERS: dict[str, _Writer] = {"string": quoted, "bigint": str, "timestamp": _time, MONEY: _money}
"""By the column's Glue type."""


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    """Cached: many events of a batch have the same second."""
    return instant_of(second * _MICROSECONDS).replace(tzinfo=None).isoformat(" ")


@lru_cache(maxsize=4096)
def _published(milliseconds: int) -> _Published:
    """Cached: the events of one Kinesis record share their time."""
    time, next_day = (
        timestamp(datetime.fromtimestamp(each / 1000, UTC)) for each in (milliseconds, milliseconds + _DAY_MS)
    )
    return _Published(f'"{time}"', time[:DATE_LENGTH], next_day[:DATE_LENGTH])
