"""Several accounts' things mixed with each other: each account's own stay in order."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import TypeVar

from account_events.testing.records import StreamRecord, number_of, sequence_number
from account_events.testing.table_stream import FIRST_SHARD, StreamShard, TableStream, account_of

Thing = TypeVar("Thing")


def in_turn(things: Mapping[str, Iterable[Thing]], seed: int | None = None) -> list[tuple[str, Thing]]:
    """Each with its account: one of every account in turn, or mixed by a seed. Commands become steps for `given`."""
    queues = {account_id: list(mine) for account_id, mine in things.items()}
    if seed is None:
        longest = max(map(len, queues.values()), default=0)
        return [(account_id, mine[n]) for n in range(longest) for account_id, mine in queues.items() if n < len(mine)]
    turns = [account_id for account_id, mine in queues.items() for _ in mine]
    Random(seed).shuffle(turns)  # noqa: S311 -- seeded, so that a failure can be repeated
    upcoming = {account_id: iter(mine) for account_id, mine in queues.items()}
    return [(account_id, next(upcoming[account_id])) for account_id in turns]


def shuffled(stream: TableStream, seed: int) -> TableStream:
    """The same records with their accounts mixed by a seed; one shard, numbered anew.

    For an export, which has the accounts one after the other.
    """
    queues: dict[str, list[StreamRecord]] = {}
    for record in stream.records:
        queues.setdefault(account_of(record), []).append(record)
    mixed = [record for _, record in in_turn(queues, seed)]
    renumbered = tuple(_renumbered(record, number) for number, record in enumerate(mixed))
    spoilt = {sequence_number(n) for n, record in enumerate(mixed) if number_of(record) in stream.spoilt}
    return replace(stream, shards=(StreamShard(FIRST_SHARD, renumbered),), spoilt=frozenset(spoilt))


def _renumbered(record: StreamRecord, number: int) -> StreamRecord:
    return {**record, "dynamodb": {**record["dynamodb"], "SequenceNumber": sequence_number(number)}}
