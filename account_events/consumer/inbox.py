"""The inbox: applies each event once and in order, even if the stream repeats or reorders events.

Kinesis delivers at least once, and a replay or a repair can deliver an event before an earlier one. Per account, the
inbox stores the last event applied. It drops repeated events, buffers out-of-order ones, and passes the rest to the
consumer in sequence. Its store writes the consumer's effect and the new position in one step.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from account_events.avro.errors import Undecodable
from account_events.consumer.decoding import Decoder
from account_events.consumer.errors import BufferFull, Refused, StaleRevision, Unavailable
from account_events.consumer.events import Event
from account_events.consumer.position import (
    BUFFERED_BYTES_LIMIT,
    BUFFERED_BYTES_MAX,
    Arrival,
    Gap,
    Position,
    moved,
    sort,
)
from account_events.consumer.store import BatchedReads, InboxStore

Effect = TypeVar("Effect")
Handle = Callable[[Sequence[Event]], Effect]
Result = TypeVar("Result")
Steps = Generator[Callable[[], Any], Any, Result]
"""Work that needs the store: it yields each call of the store, and is resumed with the call's result or its error."""

STALE_REVISIONS_MAX = 10
"""The maximum number of attempts to process an account's arrivals while other workers advance the account."""


@dataclass(slots=True)
class Received:
    """The result of receiving one account's arrivals.

    Attributes:
        position: the account's position afterwards.
        sequences: the sequences of the events applied.
        duplicates: how many arrivals were applied or buffered before this call.
        buffered: how many arrivals were buffered.
        unsafe: the index of the first record to redeliver; None if no record has to be redelivered.
        error: why the account did not advance; None if it did.
    """

    position: Position = field(default_factory=Position)
    sequences: set[int] = field(default_factory=set)
    duplicates: int = 0
    buffered: int = 0
    unsafe: int | None = None
    error: Exception | None = None

    @property
    def applied(self) -> int:
        return len(self.sequences)


class Inbox(Generic[Effect]):
    """Passes each account's events to `handle`, in sequence, each once.

    Args:
        store: stores the positions.
        handle: called with one or more consecutive events of one account; the first follows the last event of the
            account's previous call. Only the thread that calls `receive` calls it, also if the consumer has threads,
            and it gets the account's next events only once its effect is stored. Its return value is the effect, which
            the store writes together with the new position. If it raises, the account does not advance and the
            events are delivered again. Buffered events are retried with each later event of the account. After
            `gap_wait_s` the account is reported as a gap.
        run_max: the maximum number of events per call of `handle`. A number above 1 saves writes. Set it above 1 only
            if the side effects of `handle` itself happen for all events of the call or for none.
        gap_wait_s: how many seconds an account may wait before it is reported as a gap.
        buffered_bytes_max: the maximum size of one account's buffer, in bytes of event data. When the buffer is full,
            `receive` returns BufferFull.
        decoder: decodes buffered events.

    Raises:
        ValueError: a limit is out of range.
    """

    def __init__(
        self,
        store: InboxStore[Effect],
        handle: Handle[Effect],
        *,
        run_max: int = 1,
        gap_wait_s: float = 300.0,
        buffered_bytes_max: int = BUFFERED_BYTES_MAX,
        decoder: Decoder | None = None,
    ) -> None:
        if run_max < 1 or gap_wait_s < 0 or not 0 <= buffered_bytes_max <= BUFFERED_BYTES_LIMIT:
            raise ValueError(
                "run_max must be at least 1, gap_wait_s at least 0, and buffered_bytes_max between 0 and "
                f"{BUFFERED_BYTES_LIMIT}: a DynamoDB item is limited to 400 KB."
            )
        self._store = store
        self._handle = handle
        self._run_max = run_max
        self._gap_wait_s = gap_wait_s
        self._buffered_bytes_max = buffered_bytes_max
        self.decoder = decoder or Decoder()

    @property
    def batched_reads(self) -> BatchedReads | None:
        """The store, if it can read many positions with one request."""
        return self._store if isinstance(self._store, BatchedReads) else None

    def receive(
        self, account_id: str, arrivals: Sequence[Arrival], now_s: float, *, buffer_failures: bool = False
    ) -> Received:
        """Apply, buffer or drop one account's arrivals. Errors are returned in `Received.error`, never raised.

        Args:
            account_id: the account of all arrivals.
            arrivals: one or more, in the order of the stream; repeated events are allowed.
            now_s: seconds since 1970.
            buffer_failures: also buffer the events that `handle` refuses, so that their record need not be delivered
                again. The account then waits in the inbox until its next event, or is reported as a gap.
        """
        return _carried_out(self.steps(account_id, arrivals, now_s, buffer_failures=buffer_failures))

    def steps(
        self,
        account_id: str,
        arrivals: Sequence[Arrival],
        now_s: float,
        *,
        buffer_failures: bool = False,
        position: Callable[[], Position] | None = None,
    ) -> Steps[Received]:
        """`receive` as steps: whoever resumes them carries out the calls of the store, in any thread.

        Args:
            account_id: see `receive`.
            arrivals: see `receive`.
            now_s: see `receive`.
            buffer_failures: see `receive`.
            position: returns the account's position, or raises the error of its read, if it has been read already.
        """
        received = Received()
        for _ in range(STALE_REVISIONS_MAX):
            try:
                yield from self._advance(
                    account_id, arrivals, now_s, received, position, buffer_failures=buffer_failures
                )
            except StaleRevision as error:
                position = None
                received.error = Unavailable(
                    f"Other workers advanced the account {STALE_REVISIONS_MAX} times in a row ({error}): receive the "
                    "records again."
                )
            except Exception as error:  # noqa: BLE001 -- from the consumer's code: other accounts must still advance
                received.error = error
                break
            else:
                received.error = None
                return received
        if isinstance(received.error, BufferFull):
            return received
        received.unsafe = _first_unsafe(arrivals, received.position)
        if received.unsafe is None and isinstance(received.error, Unavailable):
            received.unsafe = arrivals[0].record  # every arrival is safe, but buffered events should be retried soon
        return received

    def gaps(self, now_s: float) -> Sequence[Gap]:
        """The accounts that have waited for `gap_wait_s` or longer: have them replayed (docs/consuming.md).

        Raises:
            Unavailable: the store did not answer; query again.
        """
        return self._store.gaps(now_s - self._gap_wait_s)

    def _advance(
        self,
        account_id: str,
        arrivals: Sequence[Arrival],
        now_s: float,
        received: Received,
        position: Callable[[], Position] | None,
        *,
        buffer_failures: bool,
    ) -> Steps[None]:
        if position is None:
            before = yield partial(self._store.position, account_id)
        else:
            before = position()
        received.position = before
        todo = sort(before, arrivals, self._buffered_bytes_max)
        arrived = {arrival.event.sequence for arrival in arrivals}
        received.duplicates = todo.duplicates - len(arrived & received.sequences)  # an earlier attempt applied these
        seen = max(arrived)
        events, undecodable = self._decoded(todo.ready)
        runs = [events[start : start + self._run_max] for start in range(0, len(events), self._run_max)]
        if not (runs or undecodable) and (todo.out_of_order or seen > before.seen):
            runs = [[]]  # no event to apply, but the position changes
        for number, run in enumerate(runs, 1):
            is_last = number == len(runs) and not undecodable
            before = received.position
            after = moved(before, before.last + len(run), *((todo.out_of_order, seen) if is_last else ({}, 0)), now_s)
            try:
                effect = self._handle(run) if run else None
                yield partial(self._store.advance, account_id, before, after, effect)
            except (StaleRevision, Unavailable):
                raise
            except Exception as error:
                # If the store will never accept a write, redelivering its record cannot help: always buffer it.
                must_buffer = buffer_failures or isinstance(error, Refused)
                yield from self._record_wait(account_id, arrivals, now_s, received, buffer_failures=must_buffer)
                raise
            received.position = after
            received.sequences.update(event.sequence for event in run)
        if undecodable:
            yield from self._record_wait(account_id, arrivals, now_s, received, buffer_failures=buffer_failures)
            raise undecodable
        received.buffered = len(todo.out_of_order)
        if todo.overflow:
            raise BufferFull(account_id, received.position.last + 1, todo.overflow[0])

    def _decoded(self, ready: Sequence[Event | bytes]) -> tuple[list[Event], Undecodable | None]:
        """Decode up to the first buffered event that this release cannot decode; return the events and its error."""
        events: list[Event] = []
        for each in ready:
            try:
                events.append(self.decoder.decode(each) if isinstance(each, bytes) else each)
            except Undecodable as error:
                return events, error
        return events, None

    def _record_wait(
        self, account_id: str, arrivals: Sequence[Arrival], now_s: float, received: Received, *, buffer_failures: bool
    ) -> Steps[None]:
        """Store that the account waits, so that it is reported as a gap even if its records never arrive again.

        If the next event is buffered and was refused, the arrivals are buffered too: redelivering them cannot help.
        """
        before = received.position
        to_buffer = arrivals if buffer_failures or before.is_stuck else ()
        todo = sort(before, to_buffer, self._buffered_bytes_max, is_stuck=True)
        seen = max(arrival.event.sequence for arrival in arrivals)
        if todo.out_of_order or seen > before.seen:
            after = moved(before, before.last, todo.out_of_order, seen, now_s)
            yield partial(self._store.advance, account_id, before, after, None)
            received.position, received.buffered = after, len(todo.out_of_order)
        if todo.overflow:
            raise BufferFull(account_id, before.last + 1, todo.overflow[0])


def _carried_out(steps: Steps[Result]) -> Result:
    """Carry out the calls in this thread."""
    try:
        call = next(steps)
        while True:
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 -- the steps decide what it means
                call = steps.throw(error)
            else:
                call = steps.send(result)
    except StopIteration as done:
        returned: Result = done.value
        return returned


def _first_unsafe(arrivals: Sequence[Arrival], done: Position) -> int | None:
    """The first record with an event that is neither applied nor buffered."""
    unsafe = (
        record for event, _, record in arrivals if event.sequence > done.last and event.sequence not in done.buffered
    )
    return min(unsafe, default=None)
