"""A table's stream from events that Lambda was really invoked with, or that it has given up."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from account_events.testing.errors import BadSource
from account_events.testing.files import Placed, documents
from account_events.testing.records import StreamRecord, number_of
from account_events.testing.table_stream import TableStream

Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def from_lambda_events(source: Source) -> TableStream:
    """The records of captured events as one shard, in the order of their sequence numbers.

    A capture may hold deliveries in any order, and a retry repeats records: each is taken once, and `repeats` tells how
    many were left out for that.

    Args:
        source: the path of a file, gzip or not, or what would be in it: an event (`{"Records": [...]}`), an invocation
            record from an on-failure destination in S3 (`{"payload": ...}`), a single record, or a list of any of
            these; in a file also one on every line.

    Raises:
        BadSource: something is none of these, or two different records have one number; with file, line and record.
    """
    placed = documents(Path(source)) if isinstance(source, str | os.PathLike) else [("the event", source)]
    found: dict[int, StreamRecord] = {}
    repeats = 0
    for where, record in _records(placed):
        number = int(number_of(record))
        if number in found and found[number] != record:
            raise BadSource(f"{where}: sequence number {number} is another record's: captured from two tables?")
        repeats += number in found
        found[number] = record
    if not found:
        raise BadSource(f"{placed[0][0]}: there is no record in it")
    return TableStream(TableStream.of(found[number] for number in sorted(found)).shards, repeats)


def checked_record(where: str, record: Any) -> StreamRecord:  # noqa: ANN401 -- whatever was in the file
    """The record, if it is one of a table's stream. Raises BadSource."""
    if not isinstance(record, dict):
        raise BadSource(f"{where}: a record is an object, not {type(record).__name__}")
    source = record.get("eventSource", "aws:dynamodb")
    if source != "aws:dynamodb":
        raise BadSource(f"{where}: a record of {source}, not of a table's stream (aws:dynamodb)")
    match record:
        case {"eventName": "INSERT" | "MODIFY" | "REMOVE", "dynamodb": {"SequenceNumber": str(number)}}:
            if number.isascii() and number.isdecimal():
                return record
    raise BadSource(f"{where}: no record of a table's stream: eventName and dynamodb.SequenceNumber are due")


def _records(placed: Sequence[Placed]) -> Iterator[tuple[str, StreamRecord]]:
    for where, found in placed:
        match found:
            case list() | tuple():
                yield from _records([(f"{where}, element {n}", one) for n, one in enumerate(found, 1)])
            case {"Records": list(records)}:
                for n, record in enumerate(records, 1):
                    yield f"{where}, record {n}", checked_record(f"{where}, record {n}", record)
            case {"payload": payload}:
                yield from _records([(f"{where}, payload", _payload(where, payload))])
            case {"DDBStreamBatchInfo": _}:
                raise BadSource(f"{where}: it tells only where the records were; a destination in S3 keeps them")
            case {"dynamodb": _} | {"eventSource": _}:
                yield where, checked_record(where, found)
            case _:
                raise BadSource(f"{where}: neither an event with Records, nor one given up with its payload")


def _payload(where: str, payload: object) -> Any:  # noqa: ANN401 -- whatever JSON says
    if not isinstance(payload, str):
        return payload
    try:
        return json.loads(payload)
    except ValueError as error:
        raise BadSource(f"{where}: its payload is not JSON: {error}") from error
