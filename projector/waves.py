"""Which events may be in flight together: never two of one account.

`PutRecords` promises no order between its entries and may refuse any of them. So events travel in **waves**: every
account's next event, and no other. What was refused is its account's next event again, and nothing can overtake it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from projector.outgoing import Outgoing

# docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html; streams may allow 10 MiB, every one allows 5.
CALL_RECORDS_MAX = 500
CALL_BYTES_MAX = 5 * 1024 * 1024

# There is no limit to the attempts but the deadline: to give up sooner would only use up the mapping's deliveries, and
# with them the time that trouble with Kinesis may last before rows are given up.
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 2.0

NOT_ATTEMPTED = "no time left"


@dataclass(slots=True)
class Lane:
    """One account's events on their way; only the first of `waiting` is ever in flight.

    Attributes:
        attempts: how often the first of `waiting` was refused.
        ready_at_s: when it may go (again), on the publisher's clock.
        failure: why it is still here.
    """

    account_id: str
    waiting: deque[Outgoing]
    attempts: int = 0
    ready_at_s: float = 0.0
    failure: str = NOT_ATTEMPTED

    @property
    def is_open(self) -> bool:
        return bool(self.waiting)

    def accepted(self) -> None:
        self.waiting.popleft()
        self.attempts, self.ready_at_s, self.failure = 0, 0.0, NOT_ATTEMPTED

    def refused(self, reason: str, now_s: float, roll: float) -> None:
        self.attempts += 1
        self.failure = reason
        self.ready_at_s = now_s + backoff_s(self.attempts, roll)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An event that was not accepted, or not known to be, and why its account waits: an error code, no message."""

    event: Outgoing
    reason: str


def lanes_of(events: Iterable[Outgoing]) -> list[Lane]:
    """A lane for each account, its events by sequence."""
    by_account: dict[str, list[Outgoing]] = {}
    for event in events:
        by_account.setdefault(event.account_id, []).append(event)
    return [
        Lane(account_id, deque(sorted(events, key=lambda event: event.sequence)))
        for account_id, events in by_account.items()
    ]


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


def backoff_s(attempts: int, roll: float) -> float:
    """Full jitter: anything from nothing to a ceiling that doubles with every attempt.

    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Args:
        attempts: made so far, from 1.
        roll: a random number, 0 <= roll < 1.
    """
    doublings = min(attempts - 1, 16)  # far beyond the ceiling, and no overflow however long it goes on
    return roll * min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**doublings)
