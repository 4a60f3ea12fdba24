"""Cuts a stream into batches, repeats some, and checks that a replay can fail. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count, cycle
from typing import Literal

from account_events.testing.errors import BadReplay
from account_events.testing.record_stream import RecordStream
from account_events.testing.records import StreamRecord

Batch = tuple[StreamRecord, ...]
Duplicates = Collection[int] | Literal["all"]


def planned(
    stream: RecordStream,
    batch_sizes: int | Sequence[int],
    duplicates: Duplicates,
    overlap: int,
    accepts: Callable[[StreamRecord], bool] = lambda _: True,
) -> dict[str, list[Batch]]:
    """The batches of every shard.

    `duplicates` and `overlap` imitate lost checkpoints: Lambda then delivers a batch twice, or one that begins with
    records of the previous batch.

    Args:
        stream: the stream; its shards are cut one after the other.
        batch_sizes: the sizes of the batches in turn; after the last one, the first follows again.
        duplicates: the numbers, counted from 1 across all shards, of the batches that are delivered twice; or "all".
        overlap: how many records of the previous batch every batch repeats at its start.
        accepts: whether the mapping's filters accept a record.

    Raises:
        BadReplay: a size is not positive, a batch to repeat does not exist, or no batch has a previous one to overlap.
    """
    sizes = (batch_sizes,) if isinstance(batch_sizes, int) else tuple(batch_sizes)
    if not sizes or min(sizes) < 1 or overlap < 0:
        raise BadReplay(f"batch_sizes must be positive and overlap not negative: {batch_sizes!r}, {overlap!r}")
    numbers = count(1)
    plan = {shard.shard_id: list(_cut(shard.records, sizes, overlap, numbers)) for shard in stream.shards}
    batches = next(numbers) - 1
    if duplicates != "all" and (missing := sorted(set(duplicates) - set(range(1, batches + 1)))):
        raise BadReplay(f"duplicates: there is no batch {missing[0]}; there are {batches}, counted from 1")
    for number, batch in (each for pairs in plan.values() for each in pairs):
        if duplicates != "all" and number in duplicates and not any(map(accepts, batch)):
            raise BadReplay(f"duplicates: the filters accept no record of batch {number}")
    if overlap and not any(len(pairs) > 1 for pairs in plan.values()):
        raise BadReplay("overlap: no shard has a second batch that could begin with records of the previous one")
    return {
        shard_id: [batch for number, batch in pairs for _ in range(1 + (duplicates == "all" or number in duplicates))]
        for shard_id, pairs in plan.items()
    }


def check_any_record_is_due(stream: RecordStream, due: Collection[str]) -> None:
    """Check that at least one record reaches the handler: otherwise a handler that does nothing would pass.

    Raises:
        BadReplay: no record would reach the handler.
    """
    if not due:
        raise BadReplay(f"no record reaches the handler: the filters accept none of {len(stream.records)} records")


def check_delivered(stream: RecordStream, delivered: Iterable[str]) -> None:
    """Check that each record that was damaged on purpose reaches the handler.

    Raises:
        BadReplay: a filter drops one.
    """
    if left_out := sorted(stream.damaged.difference(delivered)):
        raise BadReplay(f"the poison with sequence number {left_out[0]} never reached the handler: a filter drops it")


def _cut(records: Batch, sizes: Sequence[int], overlap: int, numbers: Iterator[int]) -> Iterator[tuple[int, Batch]]:
    start = 0
    for size in cycle(sizes):
        if start >= len(records):
            return
        yield next(numbers), records[max(0, start - overlap) : start + size]
        start += size
