"""Events in the lake, by the engine that the lake's queries use: Athena on AWS, DuckDB locally."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.lake.query.engine import LocatingEngine
from ops.why.facts import EventKey, InLake

ROWS_MAX = 200
IDS = ("event_id", "account_id", "correlation_id", "causation_id", "request_id", "transfer_id")
COLUMNS = f"{', '.join(IDS)}, sequence, occurred_at, published_at, file"
BY_ID = (
    "dt >= ? AND (event_id = ? OR correlation_id = ? OR request_id = ? OR causation_id = ? "
    "OR causation_id LIKE ? ESCAPE '!' OR transfer_id = ?)"
)
_NEWEST = f"ORDER BY occurred_at DESC LIMIT {ROWS_MAX}"
_LAST = "TIMESTAMP '9999-12-31 00:00:00'"
FIRST_COPY = (
    "min(account_id) AS account_id, min(sequence) AS sequence, min(published_at) AS published_at, "
    f"min_by(file, coalesce(published_at, {_LAST})) AS file"
)
"""The copy of an event that was published first. An event that was replayed often has many copies."""
_WILDCARD = re.compile("[!_%]")


@dataclass(frozen=True, slots=True)
class LakeRow:
    """A row of the lake: its event's ids, and where it is."""

    key: EventKey
    occurred_at: datetime
    ids: Mapping[str, str | None]
    found: InLake


def by_id(engine: LocatingEngine, text: str, first_day: str) -> list[LakeRow]:
    """The events with this id, newest first, from a day on: an event, correlation, request or transfer id, or a key."""
    of_operator = "%," + _WILDCARD.sub(r"!\g<0>", text)
    parameters = [first_day, text, text, text, text, of_operator, text]
    found = engine.located(COLUMNS, f"WHERE {BY_ID} {_NEWEST}", parameters)
    return [_row(record) for record in found.records()]


def by_event(engine: LocatingEngine, events: Mapping[EventKey, str]) -> dict[EventKey, InLake]:
    """The rows of these events. Each has its day, YYYY-MM-DD, which limits the files that are read."""
    days = sorted(set(events.values()))
    condition = f"dt IN ({_marks(days)}) AND event_id IN ({_marks(list(events))})"
    parameters = [*days, *(each.event_id for each in events)]
    found = engine.located(FIRST_COPY, f"WHERE {condition} GROUP BY event_id", parameters)
    return {_event(record): _in_lake(record) for record in found.records()}


def first_of(rows: Sequence[LakeRow]) -> dict[EventKey, InLake]:
    """The copy of each event that was published first."""
    found: dict[EventKey, InLake] = {}
    for row in rows:
        known = found.get(row.key)
        if known is None or _published(row.found) < _published(known):
            found[row.key] = row.found
    return found


def _published(found: InLake) -> datetime:
    return found.published_at or datetime.max.replace(tzinfo=UTC)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)


def _row(record: Mapping[str, Any]) -> LakeRow:
    ids = {name: record[name] for name in IDS}
    return LakeRow(_event(record), record["occurred_at"].replace(tzinfo=UTC), ids, _in_lake(record))


def _event(record: Mapping[str, Any]) -> EventKey:
    return EventKey(record["account_id"], int(record["sequence"]))


def _in_lake(record: Mapping[str, Any]) -> InLake:
    published_at = record["published_at"]
    return InLake(_key(record["file"]), published_at.replace(tzinfo=UTC) if published_at else None)


def _key(file: str) -> str:
    """The key of a file in the bucket, from its URL."""
    return file.removeprefix("s3://").partition("/")[2] if file.startswith("s3://") else file
