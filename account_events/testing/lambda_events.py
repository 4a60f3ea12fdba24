"""A table's stream from events that Lambda was really invoked with, or that it has given up."""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from account_events.lambda_mapping.records import as_delivered
from account_events.testing.errors import BadSource
from account_events.testing.files import Placed, documents, parsed
from account_events.testing.records import StreamRecord, number_of
from account_events.testing.same_record import disagreement, together
from account_events.testing.table_stream import TableStream

SEQUENCE_NUMBER_DIGITS_MAX = 40  # docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
NUMBER_CHARACTERS_MAX = 200  # a DynamoDB number's, written out in full
NESTING_MAX = 10
SECONDS = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?")
VIEWS = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")

Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def from_lambda_events(source: Source) -> TableStream:
    """The records of captured events as one shard, in the order of their sequence numbers.

    A capture may hold deliveries in any order, and a retry repeats records: each is taken once, and `repeats` tells how
    many were left out for that. A record that Lambda delivered is the same record where GetRecords gave it, which has
    no `eventSourceARN` and other forms of time.

    Args:
        source: the path of a file, gzip or not, or what would be in it: an event (`{"Records": [...]}`), an invocation
            record from an on-failure destination in S3 (`{"payload": ...}`), a single record, or a list of any of
            these; in a file also one on every line. What `aws dynamodbstreams get-records` prints is an event, too, and
            so is what boto3's `get_records` returns.

    Raises:
        BadSource: something is none of these, or of another table or without its rows, or two different records have
            one number; with file, line and record.
    """
    placed = documents(Path(source)) if isinstance(source, str | os.PathLike) else [("the event", source)]
    found: dict[int, StreamRecord] = {}
    repeats = 0
    for where, record in _records(placed):
        number = int(number_of(record))
        if (there := found.get(number)) is not None:
            if differing := disagreement(there, record):
                raise BadSource(
                    f"{where}: sequence number {number} is another record's ({differing} differs): captured from two "
                    "tables?"
                )
            record = together(there, record)  # noqa: PLW2901 -- the same record
            repeats += 1
        found[number] = record
    if not found:
        raise BadSource(f"{placed[0][0]}: there is no record in it")
    return TableStream(TableStream.of(found[number] for number in sorted(found)).shards, repeats)


def checked_record(where: str, record: Any) -> StreamRecord:  # noqa: ANN401 -- whatever was in the file
    """The record, if it is one of a table's stream. Raises BadSource."""
    if not isinstance(record, dict):
        raise BadSource(f"{where}: a record is an object, not {type(record).__name__}")
    record = as_delivered(record)
    source = record.get("eventSource", "aws:dynamodb")
    if source != "aws:dynamodb":
        raise BadSource(f"{where}: a record of {source}, not of a table's stream (aws:dynamodb)")
    match record:
        case {"eventName": "INSERT" | "MODIFY" | "REMOVE" as name, "dynamodb": {"SequenceNumber": str(number)}}:
            if number.isascii() and number.isdecimal() and len(number) <= SEQUENCE_NUMBER_DIGITS_MAX:
                _check_row(where, name, record["dynamodb"])
                return _timed(where, record)
    raise BadSource(f"{where}: no record of a table's stream: eventName and dynamodb.SequenceNumber are due")


def _check_row(where: str, name: str, change: Mapping[str, Any]) -> None:
    """The accounts' table keys its rows so, and its stream brings them; without, there would be nothing to publish."""
    match change.get("Keys"):
        case {"AccountId": {"S": str()}, "Version": {"N": str(version)}, **others} if not others:
            if len(version) > NUMBER_CHARACTERS_MAX:
                raise BadSource(f"{where}: Version has {len(version)} characters, which no number of DynamoDB's has")
        case _:
            raise BadSource(f"{where}: not of the accounts' table: its Keys are not AccountId S and Version N")
    if (view := change.get("StreamViewType", VIEWS[0])) not in VIEWS:
        raise BadSource(f"{where}: of a stream of {view}, without the rows: set StreamViewType to {VIEWS[0]}")
    if name != "REMOVE" and not isinstance(change.get("NewImage"), Mapping):
        raise BadSource(f"{where}: there is no NewImage, without which nothing can be published")


def _timed(where: str, record: StreamRecord) -> StreamRecord:
    """Its time in seconds, as Lambda has it. The AWS CLI prints ISO 8601; a sample may have seconds as text, or none.

    Such a sample: docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html.
    """
    if "ApproximateCreationDateTime" not in record["dynamodb"]:
        return record
    at = record["dynamodb"]["ApproximateCreationDateTime"]
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": _seconds(where, at)}}


def _seconds(where: str, at: object) -> float:
    """Whole ones stay as they are."""
    try:
        match at:
            case str():
                if SECONDS.fullmatch(at):
                    return _seconds(where, json.loads(at))
                moment = datetime.fromisoformat(at)
                if moment.tzinfo is not None:
                    return moment.timestamp()
            case int() | float() if not isinstance(at, bool) and math.isfinite(at):
                return at
    except (ValueError, OverflowError):
        pass
    raise BadSource(f"{where}: ApproximateCreationDateTime is neither seconds since 1970 nor ISO 8601 with an offset")


def _records(placed: Sequence[Placed], depth: int = 0) -> Iterator[tuple[str, StreamRecord]]:
    for where, found in placed:
        if depth > NESTING_MAX:
            raise BadSource(f"{placed[0][0][:200]}: nested too deeply")
        match found:
            case list() | tuple():
                yield from _records([(f"{where}, element {n}", one) for n, one in enumerate(found, 1)], depth + 1)
            case {"Records": list(records)}:
                for n, record in enumerate(records, 1):
                    yield f"{where}, record {n}", checked_record(f"{where}, record {n}", record)
            case {"payload": payload}:
                yield from _records([(f"{where}, payload", _payload(where, payload))], depth + 1)
            case {"DDBStreamBatchInfo": _}:
                raise BadSource(f"{where}: it tells only where the records were; a destination in S3 keeps them")
            case {"dynamodb": _} | {"eventSource": _}:
                yield where, checked_record(where, found)
            case _:
                raise BadSource(f"{where}: neither an event with Records, nor one given up with its payload")


def _payload(where: str, payload: object) -> Any:  # noqa: ANN401 -- whatever JSON says
    return parsed(f"{where}: its payload", payload) if isinstance(payload, str) else payload
