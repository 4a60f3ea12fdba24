"""Which records may be in flight together: never two of one lane.

`PutRecords` promises no order between its entries and may refuse any of them. So whatever has to stay in order shares a
**lane**, of which only the first record is ever in flight: what was refused is its lane's first again, and nothing can
overtake it. With aggregation a lane is a bucket, and a record all its events, or as many as one record holds; without,
a lane is an account, and a record one event.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.packing import FRAMING_BYTES_MAX, aggregate, overhead
from projector.outgoing import RECORD_BYTES_MAX, Outgoing
from projector.published import HeldBack

# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html; streams may allow 10 MiB, every one allows 5.
CALL_RECORDS_MAX = 500
CALL_BYTES_MAX = 5 * 1024 * 1024

# There is no limit to the attempts but the deadline: to give up sooner would only use up the mapping's deliveries, and
# with them the time that trouble with Kinesis may last before rows are given up.
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 2.0

NOT_ATTEMPTED = "no time left"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of Kinesis.

    Attributes:
        size: bytes as Kinesis counts them, with the partition key.
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
    """Records that have to stay in order; only the first of `waiting` is ever in flight.

    Attributes:
        attempts: how often the first of `waiting` was refused.
        ready_at_s: when it may go (again), on the publisher's clock.
        failure: why it is still here.
        refusals: how often any of the lane's was refused.
        left_out: events refused for good, each with its account's later ones.
        is_suspect: the first of `waiting` is one event, and has been refused for what it holds once.
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
        """The first of `waiting` is refused for what it holds: halve it, or leave out its only event's account.

        A single event goes once more before it is blamed.
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
"""Events, in sequence within each account, as lanes."""


def aggregated(buckets: int) -> Pack:
    """A lane for each bucket that has events."""

    def pack(events: Iterable[Outgoing]) -> list[Lane]:
        by_bucket: dict[int, list[Outgoing]] = {}
        for event in events:
            by_bucket.setdefault(bucket_of(event.account_id, buckets), []).append(event)
        return [
            Lane(deque(_records(mine, str(bucket), hash_key(bucket, buckets)))) for bucket, mine in by_bucket.items()
        ]

    return pack


def plain(buckets: int) -> Pack:
    """A lane for each account. Its records go to the same place on the stream as its bucket's would."""

    def pack(events: Iterable[Outgoing]) -> list[Lane]:
        by_account: dict[str, deque[Entry]] = {}
        for event in events:
            account_id = event.account_id
            entry = Entry((event,), event.data, account_id, hash_key(bucket_of(account_id, buckets), buckets))
            by_account.setdefault(account_id, deque()).append(entry)
        return [Lane(waiting) for waiting in by_account.values()]

    return pack


def _waiting(events: Sequence[Outgoing], pack: Pack) -> deque[Entry]:
    """The records of events that share a lane."""
    return deque(entry for lane in pack(events) for entry in lane.waiting)


def _records(events: Sequence[Outgoing], partition_key: str, explicit_hash_key: str) -> Iterator[Entry]:
    """The events in as few records as hold them."""
    whole = _record(events, partition_key, explicit_hash_key)
    if whole.size <= RECORD_BYTES_MAX:
        yield whole  # nearly always
        return
    empty = overhead(partition_key, explicit_hash_key) + len(partition_key.encode())
    start, size = 0, empty
    for number, event in enumerate(events):
        event_size = len(event.data) + FRAMING_BYTES_MAX
        if size + event_size > RECORD_BYTES_MAX and number > start:
            yield _record(events[start:number], partition_key, explicit_hash_key)
            start, size = number, empty
        size += event_size
    yield _record(events[start:], partition_key, explicit_hash_key)


def _record(events: Sequence[Outgoing], partition_key: str, explicit_hash_key: str) -> Entry:
    data = aggregate(partition_key, explicit_hash_key, [event.data for event in events])
    return Entry(events, data, partition_key, explicit_hash_key)


def calls_of(wave: Iterable[Lane]) -> Iterator[list[Lane]]:
    """The wave in calls that keep to the limits of `PutRecords`."""
    call: list[Lane] = []
    size = 0
    for lane in wave:
        entry_size = lane.waiting[0].size
        if call and (len(call) == CALL_RECORDS_MAX or size + entry_size > CALL_BYTES_MAX):
            yield call
            call, size = [], 0
        call.append(lane)
        size += entry_size
    if call:
        yield call


def backoff_s(attempts: int, jitter: float) -> float:
    """Full jitter: anything from nothing to a ceiling that doubles with every attempt.

    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Args:
        attempts: made so far, from 1.
        jitter: a random number, 0 <= roll < 1.
    """
    doublings = min(attempts - 1, 16)  # far beyond the ceiling, and no overflow however long it goes on
    return jitter * min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**doublings)
