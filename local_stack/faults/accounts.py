"""The account that a fault is about: the one that its user names, or the last that has events."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import StoredRow
from account_core.rows.items import from_item
from account_core.rows.layout import rows_query
from account_core.service.head import Head, fold, is_enough
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import decode
from local_stack.address import Address
from local_stack.faults.errors import FaultRefused

ROWS = 10
"""How many rows a read fetches; see docs/table.md."""
WINDOWS = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=7))
"""How far back the last event is searched for, step by step."""
ADVICE = "Open an account and send it a command, or name another account."


def newest_rows(address: Address, account_id: str) -> Sequence[StoredRow]:
    """The account's newest rows, newest first, as many as its state follows from.

    Raises:
        FaultRefused: it has no rows, or one that cannot be read.
    """
    client, name = address.client("dynamodb"), address.outputs["TableName"]
    query: Any = {"TableName": name, "ConsistentRead": True, "ScanIndexForward": False, **rows_query(account_id)}
    try:
        rows = [from_item(item) for item in client.query(**query, Limit=ROWS)["Items"]]
        if not is_enough(rows):
            pages = client.get_paginator("query").paginate(**query)
            rows = [from_item(item) for page in pages for item in page["Items"]]
    except Corrupt as error:
        raise FaultRefused(f"A row of the account cannot be read: {error}.", "Repair it, or name another.") from None
    if not rows:
        raise FaultRefused(f"The account {account_id} has no events.", ADVICE)
    return rows


def head_of(address: Address, account_id: str) -> Head:
    """The account's state.

    Raises:
        FaultRefused: it has no rows, or its rows contradict each other.
    """
    try:
        return fold(newest_rows(address, account_id))
    except Corrupt as error:
        raise FaultRefused(f"The account's rows are wrong: {error}.", "Repair them, or name another.") from None


def last_account(address: Address, now: datetime | None = None) -> str:
    """The account of the newest event on the event stream.

    Raises:
        FaultRefused: there is no event.
    """
    moment = now or datetime.now(UTC)
    for window in WINDOWS:
        newest = max(_records(address, moment - window), default=None, key=_arrival)
        if newest is not None:
            *_, last = unpack(newest["Data"])
            return str(decode(last).fields["account_id"])
    raise FaultRefused("No account has an event on the stream.", ADVICE)


def _arrival(record: Any) -> Any:  # noqa: ANN401 -- a Kinesis record
    return record["ApproximateArrivalTimestamp"]


def _records(address: Address, since: datetime) -> Iterator[Any]:
    client, name = address.client("kinesis"), address.outputs["EventStreamName"]
    for page in client.get_paginator("list_shards").paginate(StreamName=name):
        for shard in page["Shards"]:
            start: Any = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}
            iterator = client.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], **start)["ShardIterator"]
            while iterator:
                answer = client.get_records(ShardIterator=iterator)
                yield from answer["Records"]
                iterator = answer.get("NextShardIterator") if answer.get("MillisBehindLatest") else None
