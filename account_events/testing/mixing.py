"""Mixes the items of several accounts (partition keys); each account stays in order."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import TypeVar

from account_events.testing.record_stream import FIRST_SHARD, RecordStream, StreamShard
from account_events.testing.records import StreamRecord, number_of, renumbered, sequence_number

Item = TypeVar("Item")
Stream = TypeVar("Stream", bound=RecordStream)


def in_turn(items: Mapping[str, Iterable[Item]], seed: int | None = None) -> list[tuple[str, Item]]:
    """Mix the items of several keys: one of each key in turn, or in an order given by a seed."""
    queues = {key: list(queue) for key, queue in items.items()}
    if seed is None:
        longest = max(map(len, queues.values()), default=0)
        return [(key, queue[n]) for n in range(longest) for key, queue in queues.items() if n < len(queue)]
    turns = [key for key, queue in queues.items() for _ in queue]
    Random(seed).shuffle(turns)  # noqa: S311 -- seeded, so that a failure can be repeated
    upcoming = {key: iter(queue) for key, queue in queues.items()}
    return [(key, next(upcoming[key])) for key in turns]


def shuffled(stream: Stream, seed: int) -> Stream:
    """The same records in one shard, with their partition keys mixed by a seed and with new sequence numbers.

    Use it for an export, which has one partition key after the other.

    Raises:
        BadReplay: the stream does not know its table's key.
    """
    queues: dict[str, list[StreamRecord]] = {}
    for record in stream.records:
        queues.setdefault(stream.partition_of(record), []).append(record)
    mixed = [record for _, record in in_turn(queues, seed)]
    records = tuple(renumbered(record, number) for number, record in enumerate(mixed))
    damaged = {sequence_number(n) for n, record in enumerate(mixed) if number_of(record) in stream.damaged}
    return replace(stream, shards=(StreamShard(FIRST_SHARD, records),), damaged=frozenset(damaged))
