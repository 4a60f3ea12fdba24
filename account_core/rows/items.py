"""Convert rows to DynamoDB items and back, and compute which versions are events and which are snapshots.

An item is DynamoDB JSON, `{"AccountId": {"S": "..."}, "Version": {"N": "1"}, ...}`, the format of the low-level
client and of the table's stream. `layout` has the attributes' names, docs/table.md describes them, and tests/golden has
items of every format.

Rows and their formats are kept forever. An event of an older format is upcast to the newest one, step by step
(`_UPCASTS`). Only events of transfers are written in the newest format, so that an older release can read all others.
Snapshots have a format of their own, so that a new format of events does not discard them; a snapshot of another format
is ignored, because the events have the same information.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, assert_never

from account_core.domain.errors import Corrupt
from account_core.domain.events import (
    Created,
    Credited,
    Event,
    EventRow,
    IgnoredSnapshot,
    Row,
    SnapshotRow,
    StoredRow,
    Transfer,
    Withdrawn,
)
from account_core.domain.money import EXACT, to_cents
from account_core.rows.attributes import decimal_number, instant, is_whole_number, whole_number
from account_core.rows.layout import (
    ACCOUNT_ID,
    AMOUNT,
    BALANCE,
    COMMAND_ID,
    CORRELATION_ID,
    COUNTERPARTY_ID,
    CURRENCY,
    DIGEST,
    OWNER,
    REQUEST_ID,
    ROW_FORMAT,
    SEQUENCE,
    TIMESTAMP,
    TRANSFER_ID,
    TYPE,
    VERSION,
    parts_of_key,
)

EVENT_FORMAT, TRANSFER_FORMAT = 2, 3
"""The formats in which events are written: all but those of transfers, and those of transfers."""
FORMAT = TRANSFER_FORMAT
"""The newest format; this release reads 1 to FORMAT."""
SNAPSHOT_FORMAT = 2
SNAPSHOT_EVERY = 10
EVENTS_PER_INTERVAL = SNAPSHOT_EVERY - 1
"""Events in a snapshot interval; the snapshot after them ends it."""
VERSION_MAX = 10**18 - 1
"""More rows than fit in 10 GB. Numbers derived from such a version fit Avro's long and the 38 digits of a DynamoDB
number (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""
CREATED, WITHDRAW, CREDIT, SNAPSHOT = "CREATED", "WITHDRAW", "CREDIT", "SNAPSHOT"

Item = dict[str, dict[str, Any]]


def _from_1(item: Item) -> Item:
    """Format 1 did not record the request's id."""
    return {**item, REQUEST_ID: {"NULL": True}}


def _from_2(item: Item) -> Item:
    """Format 2 is for events that are not part of a transfer."""
    return {**item, TRANSFER_ID: {"NULL": True}, COUNTERPARTY_ID: {"NULL": True}}


_UPCASTS: dict[int, Callable[[Item], Item]] = {1: _from_1, 2: _from_2}


def is_snapshot_version(version: int) -> bool:
    return version % SNAPSHOT_EVERY == 0


def version_in(number: str) -> int | None:
    """The version in a key; None if no row can have it: it is not a whole number, or is far too large."""
    is_short = len(number) <= len(str(VERSION_MAX))
    return int(number) if is_short and is_whole_number(number) else None


def version_of(sequence: int) -> int:
    """The row version of the event numbered `sequence`."""
    return sequence + (sequence - 1) // EVENTS_PER_INTERVAL


def sequence_from(version: int) -> int:
    """The sequence of the first event at or after row `version`."""
    return version - (version - 1) // SNAPSHOT_EVERY


def sequence_through(version: int) -> int:
    """The sequence of the last event at or before row `version`; 0 for version 0."""
    return version - version // SNAPSHOT_EVERY


def interval_of(version: int) -> int:
    """The snapshot interval that row `version` is in, counted from 0."""
    return (version - 1) // SNAPSHOT_EVERY


def last_version_of(interval: int) -> int:
    """The version of the snapshot that ends an interval."""
    return (interval + 1) * SNAPSHOT_EVERY


def snapshots_among(events: int) -> int:
    """The maximum number of snapshots before, between and after this number of consecutive events."""
    return events // EVENTS_PER_INTERVAL + 1


def to_item(row: Row) -> Item:
    item: Item = {
        ACCOUNT_ID: {"S": row.account_id},
        VERSION: {"N": str(row.version)},
        TYPE: {"S": SNAPSHOT},
        ROW_FORMAT: {"N": str(SNAPSHOT_FORMAT)},
        SEQUENCE: {"N": str(row.sequence)},
        TIMESTAMP: {"S": row.occurred_at},
        CURRENCY: {"S": row.currency},
        BALANCE: {"N": _number(row.balance)},
    }
    if isinstance(row, SnapshotRow):
        item |= {OWNER: {"S": row.owner}, DIGEST: {"S": digest(row)}}
        return item
    item[ROW_FORMAT] = {"N": str(EVENT_FORMAT)}
    match row.event:
        case Created(owner=owner):
            item |= {TYPE: {"S": CREATED}, OWNER: {"S": owner}}
        case Withdrawn(amount=amount, transfer=transfer):
            item |= {TYPE: {"S": WITHDRAW}, AMOUNT: {"N": _number(amount)}, **_attributes_of(transfer)}
        case Credited(amount=amount, transfer=transfer):
            item |= {TYPE: {"S": CREDIT}, AMOUNT: {"N": _number(amount)}, **_attributes_of(transfer)}
        case unknown:
            assert_never(unknown)
    item[CORRELATION_ID] = {"S": row.correlation_id}
    item[REQUEST_ID] = {"S": row.request_id} if row.request_id is not None else {"NULL": True}
    if row.command_id is not None:
        item[COMMAND_ID] = {"S": row.command_id}
    return item


def from_item(item: Mapping[str, Any]) -> StoredRow:
    """The row of an item.

    Raises:
        Corrupt: an attribute is missing or malformed, version and sequence contradict each other, or the type or format
            is unknown. The message never quotes an amount. A damaged snapshot at a snapshot's version does not raise:
            it is returned as an IgnoredSnapshot.
    """
    try:
        return _row(item)
    except Corrupt as error:
        return _damaged(item, error)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        return _damaged(item, Corrupt(f"row {key_of(item)}: {type(error).__name__}: {error}"))


def digest(snapshot: SnapshotRow) -> str:
    """SHA-256, in hexadecimal, of a snapshot's state, time and position."""
    account = (snapshot.occurred_at, snapshot.owner, snapshot.currency, f"{snapshot.balance:.2f}")
    state = json.dumps([snapshot.account_id, snapshot.version, snapshot.sequence, *account])
    return hashlib.sha256(state.encode()).hexdigest()


def occurred_at(item: Mapping[str, Any]) -> str | None:
    """When a row's event occurred, ISO 8601 UTC with six decimals; None if the time is missing or malformed."""
    try:
        return _time(item)
    except (Corrupt, KeyError, TypeError, AttributeError, ValueError):
        return None


def key_of(item: Mapping[str, Any]) -> str:
    """`account/version` for messages, with "?" for a missing part."""
    parts = (item.get(ACCOUNT_ID), item.get(VERSION))
    return "/".join(str(next(iter(part.values()), "?")) if isinstance(part, Mapping) else "?" for part in parts)


def _row(item: Mapping[str, Any]) -> StoredRow:
    if item[TYPE]["S"] == SNAPSHOT:
        return _snapshot(item)
    item = _upcast(item)
    version, sequence = _position(item)
    return EventRow(
        account_id=item[ACCOUNT_ID]["S"],
        version=version,
        sequence=sequence,
        occurred_at=_time(item),
        event=_event(item[TYPE]["S"], item),
        balance=_money(item, BALANCE),
        currency=item[CURRENCY]["S"],
        correlation_id=item[CORRELATION_ID]["S"],
        request_id=item[REQUEST_ID].get("S"),
        command_id=item[COMMAND_ID]["S"] if COMMAND_ID in item else None,
    )


def _damaged(item: Mapping[str, Any], error: Corrupt) -> IgnoredSnapshot:
    match item.get(TYPE), *parts_of_key(item):
        case {"S": "SNAPSHOT"}, str(account_id), str(number):
            if (version := version_in(number)) is not None and is_snapshot_version(version):
                return IgnoredSnapshot(account_id, version, str(error), is_damaged=True)
    raise error


def _upcast(item: Mapping[str, Any]) -> Item:
    """The item with the attributes of the newest format; `Format` stays as it was stored."""
    upcast, number = dict(item), whole_number(item[ROW_FORMAT]["N"])
    while number != FORMAT:
        if number not in _UPCASTS:
            raise Corrupt(f"row {key_of(item)}: unknown row format {number}; this release reads 1 to {FORMAT}")
        upcast, number = _UPCASTS[number](upcast), number + 1
    return upcast


def _snapshot(item: Mapping[str, Any]) -> SnapshotRow | IgnoredSnapshot:
    if whole_number(item[ROW_FORMAT]["N"]) != SNAPSHOT_FORMAT:
        version = whole_number(item[VERSION]["N"])
        if not is_snapshot_version(version):
            raise Corrupt(f"row {key_of(item)}: a snapshot cannot have version {version}")
        reason = f"it has format {item['Format']['N']}, not {SNAPSHOT_FORMAT}"
        return IgnoredSnapshot(item[ACCOUNT_ID]["S"], version, reason, is_damaged=False)
    version, sequence = _position(item)
    snapshot = SnapshotRow(
        account_id=item[ACCOUNT_ID]["S"],
        version=version,
        sequence=sequence,
        occurred_at=_time(item),
        owner=item[OWNER]["S"],
        currency=item[CURRENCY]["S"],
        balance=_money(item, BALANCE),
    )
    if item[DIGEST]["S"] != digest(snapshot):
        return IgnoredSnapshot(snapshot.account_id, version, "its digest does not match its state", is_damaged=True)
    return snapshot


def _position(item: Mapping[str, Any]) -> tuple[int, int]:
    kind = item[TYPE]["S"]
    version, sequence = whole_number(item[VERSION]["N"]), whole_number(item[SEQUENCE]["N"])
    expected = version_of(sequence) + 1 if kind == SNAPSHOT else version_of(sequence)
    if sequence < 1 or version != expected or is_snapshot_version(version) != (kind == SNAPSHOT):
        raise Corrupt(f"row {key_of(item)}: a {kind} row cannot have version {version} and sequence {sequence}")
    return version, sequence


def _event(kind: str, item: Mapping[str, Any]) -> Event:
    match kind:
        case "CREATED":
            if _is_of_transfer(item):
                raise Corrupt(f"row {key_of(item)}: type {kind} cannot have format {TRANSFER_FORMAT}")
            return Created(owner=item[OWNER]["S"], currency=item[CURRENCY]["S"])
        case "WITHDRAW":
            return Withdrawn(_amount(item), _transfer(item))
        case "CREDIT":
            return Credited(_amount(item), _transfer(item))
    raise Corrupt(f"row {key_of(item)}: unknown type {kind!r}")


def _attributes_of(transfer: Transfer | None) -> Item:
    if transfer is None:
        return {}
    return {
        ROW_FORMAT: {"N": str(TRANSFER_FORMAT)},
        TRANSFER_ID: {"S": transfer.transfer_id},
        COUNTERPARTY_ID: {"S": transfer.counterparty},
    }


def _is_of_transfer(item: Mapping[str, Any]) -> bool:
    return bool(item[ROW_FORMAT]["N"] == str(TRANSFER_FORMAT))


def _transfer(item: Mapping[str, Any]) -> Transfer | None:
    if not _is_of_transfer(item):
        return None
    transfer = Transfer(item[TRANSFER_ID]["S"], item[COUNTERPARTY_ID]["S"])
    if not transfer.transfer_id or not transfer.counterparty or transfer.counterparty == item[ACCOUNT_ID]["S"]:
        raise Corrupt(f"row {key_of(item)}: a transfer has an id, and another account as its counterparty")
    return transfer


def _number(value: Decimal) -> str:
    """Money without trailing zeros, as DynamoDB returns it, so that an item reads back as it was written."""
    return f"{value.normalize(EXACT):f}"


def _time(item: Mapping[str, Any]) -> str:
    """The row's time. Times are compared as text and copied to the next event, so they must have one form."""
    text: str = item[TIMESTAMP]["S"]
    try:
        instant(text)
    except ValueError as error:
        raise Corrupt(
            f"row {key_of(item)}: its Timestamp is not a time in ISO 8601 UTC with six decimals, like "
            "2026-01-31T09:30:00.000001Z"
        ) from error
    return text


def _money(item: Mapping[str, Any], name: str) -> Decimal:
    try:
        return to_cents(decimal_number(item[name]["N"]))
    except ValueError as error:
        raise Corrupt(f"row {key_of(item)}: {name} is {error}") from error


def _amount(item: Mapping[str, Any]) -> Decimal:
    amount = _money(item, AMOUNT)
    if not amount:
        raise Corrupt(f"row {key_of(item)}: Amount is zero")
    return amount
