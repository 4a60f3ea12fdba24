"""Parses a batch of the table's stream into arrivals: events to publish, and rows that cannot become an event.

Lambda passes such a batch to a function on a DynamoDB stream with NEW_IMAGE
(docs.aws.amazon.com/lambda/latest/dg/with-ddb.html): `{"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": {...},
"NewImage": {...}, "SequenceNumber": "..."}}, ...]}`, oldest first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_core.rows.attributes import instant
from account_core.rows.items import (
    SNAPSHOT,
    from_item,
    is_snapshot_version,
    occurred_at,
    sequence_from,
    version_in,
    version_of,
)
from account_core.rows.layout import TYPE, parts_of_key
from account_events.avro.encoder import ENCODERS, Encoders
from account_events.avro.values import micros
from projector.errors import NotATableStream, Unpublishable
from projector.fast import fast_event, headers_of
from projector.outgoing import Arrival, Poison, outgoing, shortened

NO_ROW = "the table has no such row"


@dataclass(slots=True)
class Batch:
    """A parsed batch.

    Attributes:
        numbers: the stream's sequence number of each record.
        arrivals: the arrivals by account, in the batch's order.
        unreadable: the position of the first record whose key names no account, so that it may belong to any account.
            `arrivals` then contains only the records before it. It is None if every key names an account.
    """

    numbers: Sequence[str]
    arrivals: dict[str, list[Arrival]] = field(default_factory=dict)
    unreadable: int | None = None


def parse(event: Mapping[str, Any], encoders: Encoders = ENCODERS) -> Batch:
    """Parse a batch.

    Events are only ever inserted. MODIFY and REMOVE records come from an operator or an expiry and are never published.
    Neither are snapshots, which the event source mapping's filter usually removes.

    Raises:
        NotATableStream: the payload is not a batch of DynamoDB stream records.
    """
    headers = headers_of(encoders)
    try:
        records = event["Records"]
        batch = Batch([record["dynamodb"]["SequenceNumber"] for record in records])
        for position, record in enumerate(records):
            if record["eventName"] != "INSERT":
                continue
            change = record["dynamodb"]
            arrival = fast_event(change, position, headers) or _arrival(change, position, encoders)
            if arrival is not None:
                batch.arrivals.setdefault(arrival.account_id, []).append(arrival)
    except _NoKey:
        batch.unreadable = position
    except (KeyError, TypeError, AttributeError) as error:
        raise NotATableStream(
            f"The event is not a batch of DynamoDB stream records: {type(error).__name__}: {error}. "
            "Check what invokes the projector."
        ) from error
    return batch


def read_image(
    image: Mapping[str, Any], account_id: str, version: int, position: int, encoders: Encoders = ENCODERS
) -> Arrival | None:
    """Read a table row as an arrival, or None if the row is a snapshot at a snapshot version.

    Args:
        image: the row in DynamoDB JSON.
        account_id: the account id in the row's key.
        version: the version in the row's key.
        position: the position in the batch of the record that required the read.
        encoders: the events' encoders.
    """

    def poison(reason: str) -> Poison:
        return Poison(account_id, sequence_from(version), version, shortened(reason), position)

    if is_snapshot_version(version) and image.get(TYPE) == {"S": SNAPSHOT}:
        return None
    try:
        row = from_item(image)
        if not isinstance(row, EventRow) or (row.account_id, row.version) != (account_id, version):
            return poison("the row's account id or version differs from its key's")
        return outgoing(row, position, encoders)
    except Corrupt as error:
        return poison(f"the row cannot be read: {error}")
    except Unpublishable as error:
        return poison(str(error))


def read_events(
    images: Mapping[int, Mapping[str, Any]],
    account_id: str,
    first: int,
    last: int,
    position: int,
    *,
    encoders: Encoders = ENCODERS,
) -> list[Arrival]:
    """Read the events from sequence `first` to `last`, up to the first one that can never be published.

    Args:
        images: the account's rows by version, including all existing rows of these events.
        account_id: the account's id.
        first: a sequence.
        last: a sequence.
        position: the position in the batch of the record that required the read.
        encoders: the events' encoders.
    """
    arrivals: list[Arrival] = []
    for sequence in range(first, last + 1):
        version = version_of(sequence)
        image = images.get(version)
        arrival = None if image is None else read_image(image, account_id, version, position, encoders)
        arrivals.append(arrival or Poison(account_id, sequence, version, NO_ROW, position))
        if isinstance(arrivals[-1], Poison):
            break
    return arrivals


def occurred_us(image: Mapping[str, Any]) -> int | None:
    """When a row's event occurred, microseconds since 1970; None if the row has no valid time."""
    at = occurred_at(image)
    return None if at is None else micros(instant(at))


def newest_us(images: Mapping[int, Mapping[str, Any]]) -> int | None:
    """When the newest of an account's events with a valid time occurred, microseconds since 1970."""
    versions = sorted((version for version in images if not is_snapshot_version(version)), reverse=True)
    return next((at_us for version in versions if (at_us := occurred_us(images[version])) is not None), None)


def first_recent(
    images: Mapping[int, Mapping[str, Any]], last: int, before_us: int | None, window_us: int
) -> int | None:
    """The sequence of an account's first event, up to `last`, that occurred less than `window_us` before `before_us`.

    Args:
        images: the account's rows by version, up to the row of `last`, without gaps.
        last: a sequence; returned if no other event is within the window.
        before_us: microseconds since 1970; None if no time is known.
        window_us: microseconds.

    Returns:
        None if no row is old enough to show where the window begins: read older rows. If there are none, the window
        begins with the account's first event, sequence 1.
    """
    for version in sorted(images, reverse=True):
        at_us = None if is_snapshot_version(version) else occurred_us(images[version])
        if at_us is not None and before_us is not None and before_us - at_us >= window_us:
            return min(sequence_from(version) + 1, last)
    return None


class _NoKey(Exception):
    """The record lacks the key that every DynamoDB record has."""


def _arrival(change: Mapping[str, Any], position: int, encoders: Encoders) -> Arrival | None:
    account_id, number = parts_of_key(change.get("Keys"))
    if account_id is None:
        raise _NoKey
    version = None if number is None else version_in(number)
    if version is None:
        return Poison(account_id, 1, 0, "its key has no valid version", position)
    image = change.get("NewImage")
    if not isinstance(image, Mapping):
        return Poison(account_id, sequence_from(version), version, "the record has no NewImage", position)
    return read_image(image, account_id, version, position, encoders)
