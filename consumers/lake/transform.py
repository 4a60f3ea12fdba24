"""Firehose's transformation: turns each record of a batch into rows, or refuses it with a reason. Pure.

Source: Amazon Data Firehose Developer Guide, "Transform source data" (required parameters: every recordId once, result,
data; answers of 6 MB at most), "Understand partitioning keys" (metadata.partitionKeys), "Convert input data format" (a
record may hold several JSON objects, one after the other).
"""

from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import CorruptAggregate, Undecodable
from consumers.lake.envelope import data_of, published_ms, source_of
from consumers.lake.errors import AnswerFull, Refused, SeveralPartitions
from consumers.lake.rows import Row, Rows

ANSWER_BYTES_MAX = 6_000_000
"""Less than Lambda's 6 MiB (6,291,456), to leave space for the JSON around the records."""
_RECORD_BYTES = len(
    '{"recordId": "", "result": "ProcessingFailed", "data": "", '
    '"metadata": {"partitionKeys": {"dt": "2026-11-25", "event_type": "BalanceWithdrawn"}}}, '
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that gets no rows.

    Attributes:
        error: the class, of `errors` or `account_events.avro.errors`.
        reason: the error's message; it quotes no amount.
        source: the record's position on the stream, from Firehose (shardId, sequenceNumber, subsequenceNumber).
    """

    record_id: str
    error: str
    reason: str
    data: bytes
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transformed:
    """The outcome of a batch; `answer` is what the function returns to Firehose."""

    answer: dict[str, Any]
    rows: int
    refusals: tuple[Refusal, ...]


class Transform:
    """Transforms the events with which Firehose invokes the function.

    Args:
        rows: makes the rows.
        answer_bytes_max: records that would make the answer longer are refused.
    """

    def __init__(self, rows: Rows, answer_bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._rows = rows
        self._answer_bytes_max = answer_bytes_max

    def __call__(self, event: Mapping[str, Any]) -> Transformed:
        """Answers every record of the event once, in order. Invalid data in a record does not make the batch fail."""
        records = event["records"]
        spare_bytes = self._answer_bytes_max - sum([_refused_bytes(record) for record in records])
        answers, refusals, count = [], [], 0
        for record in records:
            data = b""
            try:
                data = data_of(record)
                rows = rows_of(self._rows.row, data, published_ms(record))
                encoded = b2a_base64("".join([row.line for row in rows]).encode(), newline=False)
                grows_by = len(encoded) - len(record["data"])
                if grows_by > spare_bytes:
                    raise AnswerFull
                metadata = _metadata(_partition(rows))
            except (Undecodable, Refused) as error:
                refusals.append(_refusal(record, data, error))
                answers.append({"recordId": record["recordId"], "result": "ProcessingFailed", "data": _kept(record)})
                continue
            spare_bytes -= grows_by
            count += len(rows)
            answers.append(
                {"recordId": record["recordId"], "result": "Ok", "data": encoded.decode(), "metadata": metadata}
            )
        return Transformed({"records": answers}, count, tuple(refusals))


def rows_of(row: Callable[[bytes, int | None], Row], data: bytes, published_ms: int | None) -> list[Row]:
    """The rows of all events in a record's data, at least one.

    Firehose unpacks the Kinesis Producer Library's aggregates before it invokes the function. Any aggregate left is
    unpacked here.

    Raises:
        account_events.avro.errors.Undecodable: an event cannot be read, or the aggregate is damaged or empty.
        Refused: the table has no partition for an event.
    """
    packed = unpack(data)
    if not packed:
        raise CorruptAggregate("The aggregate holds no records.")
    return [row(each, published_ms) for each in packed]


def _partition(rows: Sequence[Row]) -> tuple[str, str]:
    """The partition of a record.

    Raises:
        SeveralPartitions: its events belong to several.
    """
    if len(rows) > 1 and (partitions := len({row[:2] for row in rows})) > 1:
        raise SeveralPartitions(len(rows), partitions)
    return rows[0][:2]


@lru_cache(maxsize=1024)
def _metadata(partition: tuple[str, str]) -> Mapping[str, Any]:
    """One shared object per partition: thousands of small ones would keep the garbage collector busy."""
    dt, event_type = partition
    return {"partitionKeys": {"dt": dt, "event_type": event_type}}


def _kept(record: Mapping[str, Any]) -> str:
    """The record's data unchanged: Firehose requires data with every result, and keeps that of refused records."""
    data = record.get("data")
    return data if isinstance(data, str) and data.isascii() else ""


def _refused_bytes(record: Mapping[str, Any]) -> int:
    """The bytes that a refused record takes in the answer."""
    return len(record["recordId"]) + len(_kept(record)) + _RECORD_BYTES


def _refusal(record: Mapping[str, Any], data: bytes, error: Exception) -> Refusal:
    return Refusal(record["recordId"], type(error).__name__, str(error), data, source_of(record))
