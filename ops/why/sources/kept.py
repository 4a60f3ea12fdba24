"""Objects in which AWS keeps records that it could not deliver: the failure buckets and the lake's errors/."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import Codec
from account_events.avro.errors import ContractError
from consumers.lake.table import REASONS_PREFIX
from ops.lake.repair.error_documents import Document, documents
from ops.recovery.failures import OBJECT_BYTES_MAX, read_batch
from ops.why.facts import EventKey, Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OBJECTS_MAX = 100
"""Objects that are read in a bucket, the oldest first: an event's object is written soon after the event."""
REASON = ("errorMessage", "lastErrorMessage")
REASON_LENGTH_MAX = 300


@dataclass(slots=True)
class KeptSearch:
    """What was found in a bucket.

    Attributes:
        objects: the oldest object of each event.
        read: the number of objects that were read.
        unread: why an event may be in an object although it was not found; empty if it is in none.
    """

    objects: dict[EventKey, Stored] = field(default_factory=dict)
    read: int = 0
    unread: str = ""


Holds = Callable[[str, bytes, Sequence[EventKey]], Mapping[EventKey, str]]
"""Returns those of the events that an object with this key and body has, each with the reason or an empty text."""


def search(
    client: "S3Client",
    bucket: str,
    events: Sequence[EventKey],
    holds: Holds,
    *,
    since: datetime,
    prefix: str = "",
    wait: Callable[[float], object],
) -> KeptSearch:
    """Reads the objects that were written since a time, at most OBJECTS_MAX of them.

    Args:
        client: of S3.
        bucket: the bucket.
        events: the events that are looked for.
        holds: which of them an object has.
        since: objects that were written before are not read.
        prefix: the prefix of the objects' keys.
        wait: called before each object, with the seconds to wait; it may raise to end the search.
    """
    found = KeptSearch()
    listed = [each for each in _listed(client, bucket, prefix) if each["LastModified"] >= since]
    listed.sort(key=lambda each: each["LastModified"])
    for each in listed[:OBJECTS_MAX]:
        wait(0)
        key, url = each["Key"], f"s3://{bucket}/{each['Key']}"
        if each["Size"] > OBJECT_BYTES_MAX:
            found.unread = f"{url} has {each['Size']} bytes"
            continue
        try:
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:  # it was repaired meanwhile
            continue
        found.read += 1
        for event, reason in holds(key, body, events).items():
            found.objects.setdefault(event, Stored(url, each["LastModified"], reason))
    if len(listed) > OBJECTS_MAX:
        found.unread = f"only the {OBJECTS_MAX} oldest of {len(listed)} objects in {bucket} were read"
    return found


def rows_of_projector(key: str, body: bytes, events: Sequence[EventKey]) -> Mapping[EventKey, str]:
    """The events whose rows an object of the projector's failure bucket has."""
    wanted = [event for event in events if event.account_id.encode() in body]  # parsing takes much longer
    accounts = read_batch(key, key, body).accounts if wanted else {}
    spans = ((event, accounts.get(event.account_id)) for event in wanted)
    return {event: "" for event, span in spans if span and span.first <= event.sequence <= span.last}


def records_of_consumer(codec: Codec) -> Holds:
    """The events of which an object of the consumers' failure bucket has records."""

    def holds(_key: str, body: bytes, events: Sequence[EventKey]) -> Mapping[EventKey, str]:
        datas = (data for whole in _kinesis_data(body) for data in _unpacked(whole))
        return {event: "" for data in datas for event in events if _is(data, event, codec)}

    return holds


def documents_of_firehose(codec: Codec) -> Holds:
    """The events that an object below errors/ has, as Avro records or as the rows that the transform made of them."""

    def holds(_key: str, body: bytes, events: Sequence[EventKey]) -> Mapping[EventKey, str]:
        found: dict[EventKey, str] = {}
        for document in documents(body):
            parts = document.parts if isinstance(document, Document) else ()
            for event in (event for part in parts for event in events if _is(part, event, codec)):
                found.setdefault(event, _reason(document.line))
        return found

    return holds


def _is(data: bytes, event: EventKey, codec: Codec) -> bool:
    """Whether data, in Avro or JSON, is this event. Of damaged data, only the event's id is compared."""
    if event.event_id.encode() not in data:
        return False
    try:
        if data.lstrip().startswith(b"{"):
            return bool(json.loads(data).get("event_id") == event.event_id)
        return bool(codec.decode(data).fields["event_id"] == event.event_id)
    except (ContractError, ValueError, AttributeError, RecursionError):
        return True


def _reason(line: bytes) -> str:
    document: Mapping[str, Any] = json.loads(line)
    message = next((document[name] for name in REASON if document.get(name)), "")
    return str(message)[:REASON_LENGTH_MAX].rstrip(".")


def _kinesis_data(body: bytes) -> Iterator[bytes]:
    """The data of the Kinesis records in an invocation record; nothing if it is none."""
    try:
        payload = json.loads(body)["payload"]
        records = (json.loads(payload) if isinstance(payload, str) else payload)["Records"]
        for record in records:
            yield b64decode(record["kinesis"]["data"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return


def _unpacked(data: bytes) -> Sequence[bytes]:
    try:
        return unpack(data)
    except ContractError:
        return [data]


def _listed(client: "S3Client", bucket: str, prefix: str) -> Iterator[Any]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (each for each in page.get("Contents", ()) if not each["Key"].startswith(REASONS_PREFIX))
