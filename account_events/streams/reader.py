"""Reads the shards of a stream and recovers from expired iterators and trimmed records."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.lineage import Shard
from account_events.streams.source import LATEST, TRIM_HORIZON, Page, Position, StreamSource, after, at_time

logger = logging.getLogger(__name__)

# An iterator is valid for 5 minutes (Kinesis) or 15 (DynamoDB). It may expire while the shard is blocked.
USELESS_ITERATOR = frozenset({"ExpiredIteratorException", "TrimmedDataAccessException"})


@dataclass(frozen=True)
class Read:
    """The result of one GetRecords. `ended`: the shard is closed and has no more records. `behind_ms`: see `Page`."""

    records: tuple[StreamRecord, ...]
    ended: bool = False
    behind_ms: int = 0


class ShardReader:
    """Reads the shards of one stream and keeps an iterator for each.

    Args:
        source: the stream.
        clock: returns seconds since the epoch.
    """

    def __init__(self, source: StreamSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._iterators: dict[str, str] = {}
        self._opened_at_s: dict[str, float] = {}

    def shards(self) -> tuple[Shard, ...]:
        """See `StreamSource.shards`."""
        return self._source.shards()

    def read(self, shard_id: str, last_read: str | None, start: Position) -> Read:
        """Read the next records of a shard.

        Without a valid iterator, the shard is opened after `last_read`, or at `start` if no record was read yet. A
        shard that no longer exists counts as ended, as in the Kinesis Client Library.

        Raises:
            botocore.exceptions.ClientError: any error except an expired iterator, trimmed records or a trimmed shard.
        """
        try:
            page = self._page(shard_id, last_read, start)
        except ClientError as error:
            if not self._is_gone(shard_id, error):
                raise
            logger.warning("Shard %s no longer exists: its unread records are lost", shard_id)
            page = Page((), None)
        if page.next_iterator:
            self._iterators[shard_id] = page.next_iterator
        else:
            self._iterators.pop(shard_id, None)
            self._opened_at_s.pop(shard_id, None)
        return Read(page.records, ended=not page.next_iterator, behind_ms=page.behind_ms)

    def _page(self, shard_id: str, last_read: str | None, start: Position) -> Page:
        iterator = self._iterators.get(shard_id) or self._open(shard_id, last_read, start)
        # Keep the iterator through a transient error: a new one at LATEST would skip records.
        self._iterators[shard_id] = iterator
        try:
            return self._source.records(shard_id, iterator)
        except ClientError as error:
            if _code(error) not in USELESS_ITERATOR:
                raise
            logger.info("The iterator of %s is no longer valid (%s): requesting a new one", shard_id, _code(error))
            return self._source.records(shard_id, self._open(shard_id, last_read, start))

    def _open(self, shard_id: str, last_read: str | None, start: Position) -> str:
        if last_read is None:
            return self._open_unread(shard_id, start)
        try:
            return self._source.iterator(shard_id, after(last_read))
        except ClientError as error:
            if _code(error) != "TrimmedDataAccessException":
                raise
            logger.warning("Records after %s in %s were trimmed: continuing at the oldest record", last_read, shard_id)
            return self._source.iterator(shard_id, TRIM_HORIZON)

    def _open_unread(self, shard_id: str, start: Position) -> str:
        """Open a shard at `start`. To open it at LATEST again, use the time of the first opening if the stream can."""
        now_s = self._clock()
        if start == LATEST and self._source.knows_times and shard_id in self._opened_at_s:
            start = at_time(self._opened_at_s[shard_id])
        iterator = self._source.iterator(shard_id, start)
        self._opened_at_s.setdefault(shard_id, now_s)
        return iterator

    def _is_gone(self, shard_id: str, error: ClientError) -> bool:
        """Whether the shard no longer exists. If the whole stream is gone, listing its shards raises the same error."""
        return _code(error) == "ResourceNotFoundException" and shard_id not in {
            shard.shard_id for shard in self._source.shards()
        }


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
