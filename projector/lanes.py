"""Lanes determine which records may be in flight together: never two of the same lane.

`PutRecords` promises no order between its entries and may refuse any of them. Records that must stay in order therefore
share a **lane**, of which only the first record is ever in flight. A refused record stays first in its lane, so nothing
can overtake it. With aggregation, a lane is a bucket, and a record holds all of its events, or as many as fit. Without
aggregation, a lane is an account, and a record holds one event.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.packing import FRAMING_BYTES_MAX, aggregate, overhead
from projector.outgoing import RECORD_BYTES_MAX, HeldBack, Outgoing

# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html; every stream allows 5 MiB, some allow 10.
CALL_RECORDS_MAX = 500
CALL_BYTES_MAX = 5 * 1024 * 1024

# Only the deadline limits the attempts. If the projector gave up sooner, the event source mapping would use up its
# retries sooner, and the projector would survive only shorter outages of Kinesis before the mapping discards records.
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 2.0

NOT_ATTEMPTED = "no time left"


@dataclass(frozen=True, slots=True)
class Entry:
    """A Kinesis record.

    Attributes:
        size: bytes as Kinesis counts them, including the partition key.
    """

    events: Sequence[Outgoing]
    data: bytes
    partition_key: str
    explicit_hash_key: str

    @property
    def size(self) -> int:
        return len(self.data) + len(self.partition_key.encode())


@dataclass(slots=True)
class Lane:
    """Records that must stay in order; only the first of `waiting` is ever in flight.

    Attributes:
        attempts: how often Kinesis refused the first record of `waiting`.
        ready_at_s: when that record may be sent next, on the publisher's clock.
        failure: why that record is still waiting.
        refusals: how often Kinesis refused any record of the lane.
        left_out: events that Kinesis always refuses, each followed by the later events of its account.
        is_suspect: the first record of `waiting` holds one event, and a call was refused once because of its content.
    """

    waiting: deque[Entry]
    attempts: int = 0
    ready_at_s: float = 0.0
    failure: str = NOT_ATTEMPTED
    refusals: int = field(default=0)
    left_out: list[HeldBack] = field(default_factory=list)
    is_suspect: bool = False

    def accepted(self) -> None:
        self.waiting.popleft()
        self.is_suspect = False
        self.attempts, self.ready_at_s, self.failure = 0, 0.0, NOT_ATTEMPTED

    def refused(self, reason: str, now_s: float, jitter: float) -> None:
        self.attempts += 1
        self.refusals += 1
        self.failure = reason
        self.ready_at_s = now_s + backoff_s(self.attempts, jitter)

    def narrow(self, reason: str, pack: "Pack") -> None:
        """Kinesis refused the content of the first record: halve it, or leave out the account of its only event.

        A single event is sent once more before its account is left out.
        """
        self.refusals += 1
        self.failure = reason
        events = self.waiting[0].events
        if len(events) > 1:
            self.waiting.popleft()
            for part in (events[len(events) // 2 :], events[: len(events) // 2]):
                self.waiting.extendleft(reversed(_waiting(part, pack)))
            return
        if not self.is_suspect:
            self.is_suspect = True
            return
        self.is_suspect = False
        [refused] = events
        waiting = [event for entry in self.waiting for event in entry.events]
        mine = [event for event in waiting if event.account_id == refused.account_id]
        self.left_out += [HeldBack(event, reason, is_refused=event is refused) for event in mine]
        self.waiting = _waiting([event for event in waiting if event.account_id != refused.account_id], pack)


Pack = Callable[[Iterable[Outgoing]], list[Lane]]
"""Packs events, in sequence within each account, into lanes."""


def aggregated(buckets: int, record_bytes_max: int = RECORD_BYTES_MAX) -> Pack:
    """Pack events into one lane per bucket."""

    def pack(events: Iterable[Outgoing]) -> list[Lane]:
        by_bucket: dict[int, list[Outgoing]] = {}
        for event in events:
            by_bucket.setdefault(bucket_of(event.account_id, buckets), []).append(event)
        return [
            Lane(deque(_records(mine, str(bucket), hash_key(bucket, buckets), record_bytes_max)))
            for bucket, mine in by_bucket.items()
        ]

    return pack


def plain(buckets: int) -> Pack:
    """Pack events into one lane per account. Records have the same hash key as with aggregation."""

    def pack(events: Iterable[Outgoing]) -> list[Lane]:
        by_account: dict[str, deque[Entry]] = {}
        for event in events:
            account_id = event.account_id
            entry = Entry((event,), event.data, account_id, hash_key(bucket_of(account_id, buckets), buckets))
            by_account.setdefault(account_id, deque()).append(entry)
        return [Lane(waiting) for waiting in by_account.values()]

    return pack


def _waiting(events: Sequence[Outgoing], pack: Pack) -> deque[Entry]:
    """Pack events of one lane into records."""
    return deque(entry for lane in pack(events) for entry in lane.waiting)


def _records(events: Sequence[Outgoing], partition_key: str, explicit_hash_key: str, bytes_max: int) -> Iterator[Entry]:
    """Pack the events into as few records as possible."""
    whole = _record(events, partition_key, explicit_hash_key)
    if whole.size <= bytes_max:
        yield whole  # the usual case
        return
    empty = overhead(partition_key, explicit_hash_key) + len(partition_key.encode())
    start, size = 0, empty
    for number, event in enumerate(events):
        event_size = len(event.data) + FRAMING_BYTES_MAX
        if size + event_size > bytes_max and number > start:
            yield _record(events[start:number], partition_key, explicit_hash_key)
            start, size = number, empty
        size += event_size
    yield _record(events[start:], partition_key, explicit_hash_key)


def _record(events: Sequence[Outgoing], partition_key: str, explicit_hash_key: str) -> Entry:
    data = aggregate(partition_key, explicit_hash_key, [event.data for event in events])
    return Entry(events, data, partition_key, explicit_hash_key)


def calls_of(lanes: Iterable[Lane], records_max: int = CALL_RECORDS_MAX) -> Iterator[list[Lane]]:
    """Group the lanes into calls within the limits of `PutRecords`."""
    call: list[Lane] = []
    size = 0
    for lane in lanes:
        entry_size = lane.waiting[0].size
        if call and (len(call) == records_max or size + entry_size > CALL_BYTES_MAX):
            yield call
            call, size = [], 0
        call.append(lane)
        size += entry_size
    if call:
        yield call


def backoff_s(attempts: int, jitter: float) -> float:
    """Full jitter: a random delay between zero and a ceiling that doubles with every attempt.

    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Args:
        attempts: made so far, from 1.
        jitter: a random number, 0 <= jitter < 1.
    """
    doublings = min(attempts - 1, 16)  # far beyond the ceiling; prevents an overflow
    return jitter * min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**doublings)
