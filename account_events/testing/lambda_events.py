"""A table's stream from captured Lambda events or from Lambda's invocation records."""

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
from account_events.testing.record_stream import FIRST_SHARD, StreamShard
from account_events.testing.records import StreamRecord, number_of
from account_events.testing.same_record import disagreement, together
from account_events.testing.table_key import TableKey, type_of, value_fault
from account_events.testing.table_stream import TableStream

SEQUENCE_NUMBER_DIGITS_MAX = 40  # docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
NESTING_MAX = 10
SECONDS = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?")
VIEWS = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
KEY_ATTRIBUTES_MAX = 2

Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def from_lambda_events(source: Source, key: TableKey | None = None) -> TableStream:
    """The records of captured events as one shard, in the order of their sequence numbers.

    A capture may contain deliveries in any order, and retries repeat records. Each record is used once; `repeats`
    counts its other occurrences. A record from GetRecords has no `eventSourceARN` and other time formats than one from
    Lambda, but the two are recognised as the same record.

    Args:
        source: the path of a file, plain or gzip, or its content: an event (`{"Records": [...]}`), an invocation record
            of an on-failure destination in S3 (`{"payload": ...}`), a single record, or a list of these. A file may
            also have one of these per line. The output of `aws dynamodbstreams get-records` and of boto3's
            `get_records` is valid, too.
        key: the table's key; required to split or shuffle the stream if the key has two attributes.

    Raises:
        BadSource: a part is not one of these, a record belongs to another table or has no item, or two different
            records have the same sequence number. The message names the file, line and record.
    """
    checked = RecordCheck(key)
    placed = documents(Path(source)) if isinstance(source, str | os.PathLike) else [("the event", source)]
    found: dict[int, StreamRecord] = {}
    repeats = 0
    for where, record in _records(placed, checked):
        number = int(number_of(record))
        if (there := found.get(number)) is not None:
            if differing := disagreement(there, record):
                raise BadSource(
                    f"{where}: two different records have sequence number {number} ({differing} differs): use records "
                    "of one table only"
                )
            record = together(there, record)  # noqa: PLW2901 -- the same record
            repeats += 1
        found[number] = record
    if not found:
        raise BadSource(f"{placed[0][0]}: it contains no record")
    records = tuple(found[number] for number in sorted(found))
    return TableStream((StreamShard(FIRST_SHARD, records),), key=checked.key, repeats=repeats)


class RecordCheck:
    """Checks that all records belong to one table.

    Args:
        key: the table's key; by default, the key attributes of the first record.
    """

    def __init__(self, key: TableKey | None = None) -> None:
        self._given = key
        self._types: dict[str, str] | None = None

    @property
    def key(self) -> TableKey | None:
        """The table's key, if it is known."""
        if self._given is None and self._types is not None and len(self._types) == 1:
            return TableKey(*self._types)
        return self._given

    def __call__(self, where: str, record: Any) -> StreamRecord:  # noqa: ANN401 -- any JSON value
        """The record as Lambda delivers it.

        Raises:
            BadSource: it is not a record of the table's stream, or it has no item.
        """
        checked = _of_a_table(where, record)
        change = checked["dynamodb"]
        self._check_keys(where, change.get("Keys"))
        _check_image(where, checked["eventName"], change)
        return _timed(where, checked)

    def _check_keys(self, where: str, keys: object) -> None:
        if not isinstance(keys, Mapping) or not 1 <= len(keys) <= KEY_ATTRIBUTES_MAX:
            raise BadSource(f"{where}: not a record of a table: its Keys must be one or two attributes")
        if self._given is not None and keys.keys() != {*self._given.names}:
            raise BadSource(f"{where}: not a record of this table: its Keys are not {' and '.join(self._given.names)}")
        for name, value in keys.items():
            if fault := value_fault(value):
                raise BadSource(f"{where}: {name}, a key attribute, {fault}")
        types = {name: type_of(value) for name, value in keys.items()}
        if self._types is None:
            self._types = types
        if types != self._types:
            raise BadSource(
                f"{where}: not from the table of the first record: its Keys are {_listed(types)}, not "
                f"{_listed(self._types)}"
            )


def _listed(types: Mapping[str, str]) -> str:
    return " and ".join(f"{name} ({kind})" for name, kind in sorted(types.items()))


def _of_a_table(where: str, record: Any) -> StreamRecord:  # noqa: ANN401 -- any JSON value
    if not isinstance(record, dict):
        raise BadSource(f"{where}: a record must be an object, not {type(record).__name__}")
    delivered = as_delivered(record)
    source = delivered.get("eventSource", "aws:dynamodb")
    if source != "aws:dynamodb":
        raise BadSource(f"{where}: a record of {source}, not of a table's stream (aws:dynamodb)")
    match delivered:
        case {"eventName": "INSERT" | "MODIFY" | "REMOVE", "dynamodb": {"SequenceNumber": str(number)}}:
            if number.isascii() and number.isdecimal() and len(number) <= SEQUENCE_NUMBER_DIGITS_MAX:
                return delivered
    raise BadSource(f"{where}: not a record of a table's stream: eventName and dynamodb.SequenceNumber are required")


def _check_image(where: str, event_name: str, change: Mapping[str, Any]) -> None:
    """Check that the record has a new image; without one, the handler has no item."""
    if (view := change.get("StreamViewType", VIEWS[0])) not in VIEWS:
        raise BadSource(f"{where}: its StreamViewType {view} leaves out the new items: set it to {VIEWS[0]}")
    if event_name != "REMOVE" and not isinstance(change.get("NewImage"), Mapping):
        raise BadSource(f"{where}: NewImage is missing, so the handler would not get the item")


def _timed(where: str, record: StreamRecord) -> StreamRecord:
    """The record's time in seconds, as Lambda delivers it.

    The AWS CLI prints ISO 8601. AWS's samples may have seconds as text, or no time at all
    (docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html).
    """
    if "ApproximateCreationDateTime" not in record["dynamodb"]:
        return record
    at = record["dynamodb"]["ApproximateCreationDateTime"]
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": _seconds(where, at)}}


def _seconds(where: str, at: object) -> float:
    """Whole seconds stay integers."""
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


def _records(placed: Sequence[Placed], checked: RecordCheck, depth: int = 0) -> Iterator[tuple[str, StreamRecord]]:
    for where, found in placed:
        if depth > NESTING_MAX:
            raise BadSource(f"{placed[0][0][:200]}: nested too deeply")
        match found:
            case list() | tuple():
                elements = [(f"{where}, element {n}", one) for n, one in enumerate(found, 1)]
                yield from _records(elements, checked, depth + 1)
            case {"Records": list(records)}:
                for n, record in enumerate(records, 1):
                    yield f"{where}, record {n}", checked(f"{where}, record {n}", record)
            case {"payload": payload}:
                yield from _records([(f"{where}, payload", _payload(where, payload))], checked, depth + 1)
            case {"DDBStreamBatchInfo": _}:
                raise BadSource(f"{where}: only the positions of records; a destination in S3 keeps the records, too")
            case {"dynamodb": _} | {"eventSource": _}:
                yield where, checked(where, found)
            case _:
                raise BadSource(f"{where}: neither an event with Records nor an invocation record with its payload")


def _payload(where: str, payload: object) -> Any:  # noqa: ANN401 -- any JSON value
    return parsed(f"{where}: its payload", payload) if isinstance(payload, str) else payload
