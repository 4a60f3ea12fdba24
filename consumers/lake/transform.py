"""Firehose's transformation: a batch of records in, each of them back with its rows, or refused with a reason. Pure.

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
"""Below Lambda's 6 MiB (6,291,456), for what JSON adds beside the records."""
_RECORD_BYTES = len(
    '{"recordId": "", "result": "ProcessingFailed", "data": "", '
    '"metadata": {"partitionKeys": {"dt": "2026-11-25", "event_type": "BalanceWithdrawn"}}}, '
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was not made rows.

    Attributes:
        error: the kind, of `errors` or `account_events.avro.errors`.
        reason: in words, without amounts.
        source: where it was on the stream, as Firehose tells (shardId, sequenceNumber, subsequenceNumber).
    """

    record_id: str
    error: str
    reason: str
    data: bytes
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transformed:
    """Attributes: `answer` is for Firehose."""

    answer: dict[str, Any]
    rows: int
    refusals: tuple[Refusal, ...]


class Transform:
    """Call it with what Firehose invokes the function with.

    Args:
        rows: makes them.
        answer_bytes_max: what is over it is refused.
    """

    def __init__(self, rows: Rows, answer_bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._rows = rows
        self._answer_bytes_max = answer_bytes_max

    def __call__(self, event: Mapping[str, Any]) -> Transformed:
        """Every record of the event once, in its order. Nothing about a record's data makes the batch fail."""
        records = event["records"]
        room = self._answer_bytes_max - sum([_refused_bytes(record) for record in records])
        answers, refusals, count = [], [], 0
        for record in records:
            data = b""
            try:
                data = data_of(record)
                rows = rows_of(self._rows.row, data, published_ms(record))
                encoded = b2a_base64("".join([row.line for row in rows]).encode(), newline=False)
                grows_by = len(encoded) - len(record["data"])
                if grows_by > room:
                    raise AnswerFull
                metadata = _metadata(_partition(rows))
            except (Undecodable, Refused) as error:
                refusals.append(_refusal(record, data, error))
                answers.append({"recordId": record["recordId"], "result": "ProcessingFailed", "data": _kept(record)})
                continue
            room -= grows_by
            count += len(rows)
            answers.append(
                {"recordId": record["recordId"], "result": "Ok", "data": encoded.decode(), "metadata": metadata}
            )
        return Transformed({"records": answers}, count, tuple(refusals))


def rows_of(row: Callable[[bytes, int | None], Row], data: bytes, published_ms: int | None) -> list[Row]:
    """The rows of all events in a record's data, aggregated or not; all of them or none, and at least one.

    Firehose undoes the Kinesis Producer Library's aggregates before it invokes the function; one that it let pass is
    undone here.

    Raises:
        account_events.avro.errors.Undecodable: one cannot be read, or the aggregate is damaged or empty.
        Refused: there is no place for one.
    """
    packed = unpack(data)
    if not packed:
        raise CorruptAggregate("The aggregate has no record in it.")
    return [row(each, published_ms) for each in packed]


def _partition(rows: Sequence[Row]) -> tuple[str, str]:
    """That of a record, which is that of all its events.

    Raises:
        SeveralPartitions: it is not.
    """
    if len(rows) > 1 and (partitions := len({row[:2] for row in rows})) > 1:
        raise SeveralPartitions(len(rows), partitions)
    return rows[0][:2]


@lru_cache(maxsize=1024)
def _metadata(partition: tuple[str, str]) -> Mapping[str, Any]:
    """One object for all records of a partition: thousands of small ones keep the garbage collector busy."""
    dt, event_type = partition
    return {"partitionKeys": {"dt": dt, "event_type": event_type}}


def _kept(record: Mapping[str, Any]) -> str:
    """As it came: Firehose demands data with every result, and keeps what was refused."""
    data = record.get("data")
    return data if isinstance(data, str) and data.isascii() else ""


def _refused_bytes(record: Mapping[str, Any]) -> int:
    """What a record adds to the answer if it is refused."""
    return len(record["recordId"]) + len(_kept(record)) + _RECORD_BYTES


def _refusal(record: Mapping[str, Any], data: bytes, error: Exception) -> Refusal:
    return Refusal(record["recordId"], type(error).__name__, str(error), data, source_of(record))
