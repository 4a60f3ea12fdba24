"""The inbox: from a stream that repeats itself to each event once, in order.

Kinesis delivers at least once, and what is replayed or repaired may come before what was missing. The inbox keeps, per
account, the last event applied. It drops what was applied, holds what came early, and hands over the rest in sequence;
its store makes the consumer's effect and the advance one step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

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

Effect = TypeVar("Effect")
Effect_contra = TypeVar("Effect_contra", contravariant=True)
Handle = Callable[[Sequence[Event]], Effect]

STALE_REVISIONS_MAX = 10
"""How often one account's arrivals are begun with again because another worker was quicker."""


class InboxStore(Protocol[Effect_contra]):
    """Where positions are kept."""

    def position(self, account_id: str) -> Position:
        """The account's, strongly consistent; `Position()` if it is new.

        Raises:
            Unavailable: the store did not answer.
        """

    def advance(self, account_id: str, before: Position, after: Position, effect: Effect_contra | None) -> None:
        """Put `after` in the place of `before`, and carry out the effect, in one step: both or neither.

        Args:
            account_id: whose.
            before: as `position` gave it.
            after: its revision is one more.
            effect: what `Handle` answered; None where nothing was handed over.

        Raises:
            StaleRevision: the account is not at `before` any more.
            Unavailable: the store did not answer; both may have been done.
            EffectRefused: the effect's own conditions do not hold.
            Refused: what is to be written is too large or invalid; nothing was done.
        """

    def gaps(self, before_s: float) -> Sequence[Gap]:
        """Those that have been waited for since `before_s` (seconds since 1970) or longer."""


@dataclass(slots=True)
class Received:
    """What became of one account's arrivals.

    Attributes:
        position: how far it came.
        sequences: of the events that were applied.
        duplicates: arrivals that were applied or held already, not counting those that were applied here.
        unsafe: the first record in which something came that has to come again.
        error: why the account stays where it is; None if it does not.
    """

    position: Position = field(default_factory=Position)
    sequences: set[int] = field(default_factory=set)
    duplicates: int = 0
    held: int = 0
    unsafe: int | None = None
    error: Exception | None = None

    @property
    def applied(self) -> int:
        return len(self.sequences)


class Inbox(Generic[Effect]):
    """Hands over each account's events in sequence, each once.

    Args:
        store: keeps the positions.
        handle: called with events of one account, at least one, in sequence and right after those of the last call;
            what it answers is stored with the advance. If it raises, the account stays where it is and the events
            come again; they are tried again with each later event, and told as a gap after a while.
        run_max: the most events that `handle` is called with. More than one is cheaper; it is right if what `handle`
            does by itself is done for all of them or for none.
        gap_wait_s: how long an event may be waited for before its absence is told.
        buffered_bytes_max: how much of one account is held at most.
        decoder: reads what was held.

    Raises:
        ValueError: a limit below its least, or above its most.
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
                "run_max has to be 1 or more, gap_wait_s no less than 0, and buffered_bytes_max from 0 to "
                f"{BUFFERED_BYTES_LIMIT}: DynamoDB takes no item of more than 400 KB."
            )
        self._store = store
        self._handle = handle
        self._run_max = run_max
        self._gap_wait_s = gap_wait_s
        self._buffered_bytes_max = buffered_bytes_max
        self.decoder = decoder or Decoder()

    def receive(
        self, account_id: str, arrivals: Sequence[Arrival], now_s: float, *, buffer_failures: bool = False
    ) -> Received:
        """Take one account's arrivals, at least one; never raises for what may be tried again.

        Args:
            account_id: theirs.
            arrivals: in the order in which they came; repetition does not matter.
            now_s: seconds since 1970.
            buffer_failures: also buffer the events that `handle` refuses, so that their record need not be delivered
                again. The account then waits in the inbox until its next event, or is reported as a gap.
        """
        received = Received()
        for _ in range(STALE_REVISIONS_MAX):
            try:
                self._advance(account_id, arrivals, now_s, received, buffer_failures=buffer_failures)
            except StaleRevision as error:
                received.error = Unavailable(
                    f"Other workers were quicker, {STALE_REVISIONS_MAX} times in a row: {error}."
                )
            except Exception as error:  # noqa: BLE001 -- the consumer's own code: whatever it is, other accounts go on
                received.error = error
                break
            else:
                received.error = None
                return received
        if isinstance(received.error, BufferFull):
            return received
        received.unsafe = _first_unsafe(arrivals, received.position)
        if received.unsafe is None and isinstance(received.error, Unavailable):
            received.unsafe = arrivals[0].record  # all are applied or held; what is held has to be tried again soon
        return received

    def gaps(self, now_s: float) -> Sequence[Gap]:
        """What has been waited for too long: events to be published again, from the ledger."""
        return self._store.gaps(now_s - self._gap_wait_s)

    def _advance(
        self, account_id: str, arrivals: Sequence[Arrival], now_s: float, received: Received, *, buffer_failures: bool
    ) -> None:
        before = received.position = self._store.position(account_id)
        todo = sort(before, arrivals, self._buffered_bytes_max)
        came = {arrival.event.sequence for arrival in arrivals}
        received.duplicates = todo.duplicates - len(came & received.sequences)  # applied before it was overtaken
        seen = max(came)
        events, unreadable = self._read(todo.ready)
        has_more = bool(todo.early) or seen > before.seen
        for start in range(0, len(events) or (has_more and not unreadable), self._run_max):
            run = events[start : start + self._run_max]
            is_last = start + self._run_max >= len(events) and not unreadable
            before = received.position
            after = moved(before, before.last + len(run), *((todo.early, seen) if is_last else ({}, 0)), now_s)
            try:
                self._store.advance(account_id, before, after, self._handle(run) if run else None)
            except (StaleRevision, Unavailable):
                raise
            except Exception as error:
                # What the store refuses for good is kept, whoever reads: its record would be refused again.
                is_kept = buffer_failures or isinstance(error, Refused)
                self._keep(account_id, arrivals, now_s, received, buffer_failures=is_kept)
                raise
            received.position = after
            received.sequences.update(event.sequence for event in run)
        if unreadable:
            self._keep(account_id, arrivals, now_s, received, buffer_failures=buffer_failures)
            raise unreadable
        received.held = len(todo.early)
        if todo.refused:
            raise BufferFull(account_id, received.position.last + 1, todo.refused[0])

    def _read(self, ready: Sequence[Event | bytes]) -> tuple[list[Event], Undecodable | None]:
        """Those in front of the first held one that cannot be read any more: another release has held it."""
        events: list[Event] = []
        for each in ready:
            try:
                events.append(self.decoder.decode(each) if isinstance(each, bytes) else each)
            except Undecodable as error:
                return events, error
        return events, None

    def _keep(
        self, account_id: str, arrivals: Sequence[Arrival], now_s: float, received: Received, *, buffer_failures: bool
    ) -> None:
        """Of an account that could not go on: what has come, so that its wait is told whatever becomes of the records.

        Behind a held event that was refused the arrivals are held as well: to let them come again would be of no use.
        """
        before = received.position
        is_kept = buffer_failures or before.is_stuck
        todo = sort(before, arrivals if is_kept else (), self._buffered_bytes_max, is_stuck=True)
        seen = max(arrival.event.sequence for arrival in arrivals)
        if todo.early or seen > before.seen:
            after = moved(before, before.last, todo.early, seen, now_s)
            self._store.advance(account_id, before, after, None)
            received.position, received.held = after, len(todo.early)
        if todo.refused:
            raise BufferFull(account_id, before.last + 1, todo.refused[0])


def _first_unsafe(arrivals: Sequence[Arrival], done: Position) -> int | None:
    """The first record with an event that is neither applied nor held."""
    unsafe = (record for event, _, record in arrivals if event.sequence > done.last and event.sequence not in done.held)
    return min(unsafe, default=None)
