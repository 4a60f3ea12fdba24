"""Turns bytes into mostly valid batches of stream records, and checks what must hold for every batch."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from account_core.rows.items import SNAPSHOT, SNAPSHOT_EVERY, sequence_from
from account_events.testing.records import StreamRecord, sequence_number
from projector.errors import NotATableStream
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_record

ACCOUNTS = ("a", "b", "c")
RECORDS = [stream_record(row, 0) for account in ACCOUNTS for row in history(account, 25)]
RECORDS_MAX, EDITS_MAX = 5, 3
TEXTS = (
    *("", "a", "b", "x", "ü", "\ud800", "\x00", "a" * 257, "SNAPSHOT", "CREATED", "WITHDRAW", "CREDIT", "INTEREST"),
    *("2026-01-31T09:30:00.000001Z", "0001-01-01T00:00:00.000001+14:00", "2026-02-30T09:30:00.000001Z", "9999"),
    *(
        "0",
        "1",
        "2",
        "3",
        "9",
        "10",
        "11",
        "-1",
        "1.5",
        "1e3",
        "1E+400",
        "0.001",
        "12.30",
        "NaN",
        "Infinity",
        "٣",
        "1_0",
    ),
    *("9999999999999999.99", "10000000000000000", "1" * 50, " 1", "+1", "-0"),
)
VALUES: tuple[Any, ...] = (None, True, 0, 1, -1, 1.5, "x", b"x", [], [{}], {}, {"N": None}, {"S": None}, {"NULL": True})


class Bytes:
    """Makes choices from bytes; after the last byte, every choice is zero."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, limit: int) -> int:
        return next(self._data, 0) % limit

    def one_of(self, choices: Any) -> Any:  # noqa: ANN401 -- a sequence of anything
        return choices[self.below(len(choices))]


def batch_of(data: bytes) -> list[Any]:
    """A batch that depends only on `data`."""
    choose = Bytes(data)
    return [_record(choose, number) for number in range(1 + choose.below(RECORDS_MAX))]


def _record(choose: Bytes, number: int) -> StreamRecord:
    record: StreamRecord = deepcopy(choose.one_of(RECORDS))
    record["dynamodb"]["SequenceNumber"] = sequence_number(number)
    for _ in range(choose.below(EDITS_MAX + 1)):
        _edit(record, choose)
    return record


def _edit(record: StreamRecord, choose: Bytes) -> None:
    where: Any = choose.one_of(list(_mappings(record)))
    name = choose.one_of(sorted(where.keys() - {"SequenceNumber"}) or ["AccountId"])
    kind = choose.below(5)
    if kind == 0:
        where.pop(name, None)
    elif kind == 1:
        where[name] = choose.one_of(VALUES)
    elif kind == 2:
        where[name] = {choose.one_of(("S", "N")): choose.one_of(TEXTS)}
    elif kind == 3:
        record["eventName"] = choose.one_of(("INSERT", "MODIFY", "REMOVE", "", None))
        if choose.below(8) == 0:
            del record["eventName"]
    else:
        where[choose.one_of(("Type", "Format", "CommandId", "Owner", "Digest"))] = {"S": choose.one_of(TEXTS)}


def _mappings(record: StreamRecord) -> Iterator[dict[str, Any]]:
    """The mappings to edit: mostly the image, the keys, or the change itself."""
    change = record["dynamodb"]
    image, keys = change.get("NewImage"), change.get("Keys")
    for mapping in (image, image, image, keys, change):
        if isinstance(mapping, dict):
            yield mapping


def check(data: bytes) -> str:
    """Deliver the batch and return its outcome: refused, parked, redelivered or published.

    Raises:
        AssertionError: an event is neither on the stream, nor parked, nor will it be delivered again.
    """
    batch = batch_of(data)
    projector = MemoryProjector()
    projector.ledger.put(record["dynamodb"]["NewImage"] for record in RECORDS)
    try:
        response = projector.deliver(batch)
    except NotATableStream:
        return "refused"
    published = {event.fields["event_id"] for event in projector.kinesis.events()}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    failures = response["batchItemFailures"]
    checkpoint = numbers.index(failures[0]["itemIdentifier"]) if failures else len(batch)
    for record in batch[:checkpoint]:
        _assert_safe(record, published, projector)
    return "parked" if projector.parking.parked else "redelivered" if failures else "published"


def _assert_safe(record: StreamRecord, published: set[str], projector: MemoryProjector) -> None:
    if record["eventName"] != "INSERT":
        return
    change = record["dynamodb"]
    account_id, version = change["Keys"]["AccountId"]["S"], _version(change["Keys"])
    parked = projector.parking.parked.get(account_id)
    if version is None:
        assert parked is not None, f"a row without a version of {account_id} is lost"
        return
    image = change.get("NewImage")
    if version % SNAPSHOT_EVERY == 0 and isinstance(image, dict) and image.get("Type") == {"S": SNAPSHOT}:
        return
    sequence = sequence_from(version)
    is_held = parked is not None and parked.first <= sequence
    assert is_held or f"{account_id}:{sequence}" in published, f"{account_id}/{version} is lost"


def _version(keys: dict[str, Any]) -> int | None:
    match keys.get("Version"):
        case {"N": str(number)} if number.isdecimal():
            return int(number)
    return None
