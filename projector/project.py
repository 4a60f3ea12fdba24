"""One batch of the table's stream, from Lambda's event to Lambda's answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from account_events.avro.encoder import ENCODERS, Encoders
from projector.errors import Unavailable
from projector.first_sight import Concurrently, PredecessorCheck, Predecessors, first_sight
from projector.lanes import NOT_ATTEMPTED
from projector.last_published import LastPublished, Span
from projector.outgoing import Arrival, Outgoing, poison_of
from projector.parking import Parked, Parking, last_of
from projector.parse import Batch, parse
from projector.published import Publisher
from projector.resequence import Resequenced, is_in_sequence, resequence

BatchResponse = dict[str, list[dict[str, str]]]

UNREADABLE = "a record does not tell its account"
RELEASED = "released while it was being held back"


Looked = Callable[[], Mapping[str, Parked]]
Beside = Callable[[Looked, Callable[[], Batch]], tuple[Looked, Batch]]
"""Makes a call, and does something here meanwhile: answers with what gives the call's result, or raises, and this."""


class Ledger(Protocol):
    """What a release reads, too."""

    def events(self, account_id: str, first: int, last: int, position: int) -> Iterable[Arrival]:
        """The table's events from sequence `first` to `last`, each there or a Poison. Raises Unavailable."""


class Table(Ledger, Predecessors, Protocol):
    """The accounts' table."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events of an account that are not, or not known to be, on Kinesis, and are delivered again.

    Attributes:
        account_id: None where not even that can be read.
        first: the lowest of their sequences; None where it cannot be read. `last` likewise.
        position: the lowest of their records' in the batch.
        reason: for the log; never an amount.
    """

    account_id: str | None
    first: int | None
    last: int | None
    position: int
    reason: str


@dataclass(slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        records: how many there were, of whatever kind.
        published: how many events Kinesis accepted.
        filled: how many events were missing in the batch and were read from the table, accepted or not.
        checked: how many accounts were met for the first time with an event that is not their first, so that the event
            before it was looked up.
        held: how many arrivals wait for the release of their account.
        kinesis_records: how many records the events made.
        refusals: how often one of them was not accepted.
        oldest_us: when the oldest of the published events occurred, microseconds since 1970; None without any.
        parked: accounts parked with this batch.
        parked_in_all: accounts parked after it; None: nobody could look.
        waiting: what is to be delivered again.
    """

    records: int
    published: int = 0
    filled: int = 0
    checked: int = 0
    held: int = 0
    kinesis_records: int = 0
    refusals: int = 0
    oldest_us: int | None = None
    parked: list[Parked] = field(default_factory=list)
    parked_in_all: int | None = None
    waiting: list[Waiting] = field(default_factory=list)


class Projector:
    """Publishes the events of batches, one batch at a time.

    An event that cannot be published parks its account; what cannot be published just now is delivered again, and with
    it everything behind it in the batch, so that may be published a second time.

    Args:
        publisher: a `KinesisPublisher`.
        parking: the parked accounts.
        ledger: the table.
        report: is told every outcome once.
        clock: seconds, monotonic; the clock that deadlines are read on.
        now: the time, as `Parked.at`.
        parking_s: how long behind the deadline accounts may still be parked.
        beside: makes a call while something is done here.
        order_window_s: the most that an event's record may come late in the stream: an event that occurred as long or
            longer before a later one of its account is in front of it. Seconds.
        concurrently: makes several reads at a time.
        encoders: of the events; the ledger's are the same.
    """

    def __init__(
        self,
        publisher: Publisher,
        parking: Parking,
        ledger: Table,
        *,
        report: Callable[[Outcome], None],
        clock: Callable[[], float],
        now: Callable[[], str],
        parking_s: float,
        beside: Beside,
        order_window_s: float,
        concurrently: Concurrently,
        encoders: Encoders = ENCODERS,
    ) -> None:
        self._publisher = publisher
        self._parking = parking
        self._ledger = ledger
        self._report = report
        self._clock = clock
        self._now = now
        self._parking_s = parking_s
        self._beside = beside
        self._encoders = encoders
        self._last_published = LastPublished()
        self._check = PredecessorCheck(ledger, round(order_window_s * 1_000_000), concurrently)

    def __call__(self, event: Mapping[str, Any], deadline_s: float) -> BatchResponse:
        """Answers from where on Lambda must deliver again: the lowest record that is not safe is the checkpoint.

        docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

        Args:
            event: Lambda's, as `parse` describes it.
            deadline_s: no put begins at or after it.

        Raises:
            NotATableStream: nothing was published; the whole batch fails.
        """
        looked, batch = self._beside(self._parking.look, lambda: parse(event, self._encoders))
        outcome = Outcome(len(batch.numbers))
        if batch.unreadable is not None:
            outcome.waiting.append(Waiting(None, None, None, batch.unreadable, UNREADABLE))
        if batch.arrivals:
            try:
                parked = looked()
            except Unavailable as error:
                outcome.waiting += [_waiting(mine, str(error)) for mine in batch.arrivals.values()]
            else:
                self._project(batch, parked, outcome, deadline_s)
        self._report(outcome)
        checkpoint = min((waiting.position for waiting in outcome.waiting), default=None)
        return {"batchItemFailures": [] if checkpoint is None else [{"itemIdentifier": batch.numbers[checkpoint]}]}

    def _project(self, batch: Batch, parked: Mapping[str, Parked], outcome: Outcome, deadline_s: float) -> None:
        ready: list[Outgoing] = []
        stopped: dict[str, Resequenced] = {}
        # Half of the time is the puts': what could not be read or held till then comes again, to fewer holes.
        reads_end_s = (self._clock() + deadline_s) / 2
        others: dict[str, tuple[Sequence[Arrival], Span | None]] = {}
        for account_id, arrivals in batch.arrivals.items():
            if account_id not in parked and is_in_sequence(arrivals, self._last_published.last(account_id)):
                ready += arrivals  # type: ignore[arg-type]  # nearly always: no poison among them, and nothing to do
                continue
            published = self._last_published.span(account_id)
            going: Sequence[Arrival] = arrivals
            if account_id in parked:
                going = self._hold(parked[account_id], arrivals, outcome, reads_end_s)
            if going:
                others[account_id] = going, published
        for line in self._lines(others, outcome, reads_end_s):
            ready += line.events
            if line.behind:
                stopped[line.behind[0].account_id] = line
        refused = self._publish(ready, stopped, outcome, deadline_s)
        for account_id, line in stopped.items():
            in_time = self._clock() < deadline_s + self._parking_s
            self._stop(line, outcome, is_due=in_time and account_id not in refused)
        outcome.parked_in_all = len(parked.keys() | {one.account_id for one in outcome.parked})

    def _lines(
        self, going: Mapping[str, tuple[Sequence[Arrival], Span | None]], outcome: Outcome, reads_end_s: float
    ) -> Iterator[Resequenced]:
        """What may be done for accounts, each given what is known to be published of it."""
        unknown = [(account_id, arrivals) for account_id, (arrivals, published) in going.items() if published is None]
        firsts = [first for each in unknown if (first := first_sight(*each)) is not None]
        outcome.checked = len(firsts)
        earlier = self._check(firsts, lambda: self._clock() < reads_end_s)
        for account_id, (arrivals, published) in going.items():
            before = earlier.get(account_id, ())
            if isinstance(before, Unavailable):
                outcome.waiting.append(_waiting(arrivals, str(before)))
                continue
            line = resequence([*before, *arrivals], published, self._reader(reads_end_s))
            outcome.filled += line.filled + min(len(before), len(line.events))
            yield line

    def _publish(
        self, ready: Sequence[Outgoing], stopped: dict[str, Resequenced], outcome: Outcome, deadline_s: float
    ) -> dict[str, list[Outgoing]]:
        """The events that were not accepted, by account; but for those behind one that never will be: see `stopped`."""
        published = self._publisher.publish(ready, deadline_s)
        refused: dict[str, list[Outgoing]] = {}
        for held in published.held:
            refused.setdefault(held.event.account_id, []).append(held.event)
        reasons = {held.event.account_id: held.reason for held in reversed(published.held)}
        accepted = ready
        if refused:
            first_of = {account_id: events[0].sequence for account_id, events in refused.items()}
            accepted = [e for e in ready if e.account_id not in first_of or e.sequence < first_of[e.account_id]]
        self._last_published.update(accepted)
        outcome.published, outcome.refusals = len(accepted), published.refusals
        outcome.kinesis_records = published.records
        outcome.oldest_us = min([event.occurred_us for event in accepted], default=None)
        for held in published.held:
            if held.is_refused:
                account_id = held.event.account_id
                before = stopped.get(account_id, Resequenced())
                behind = [*refused.pop(account_id), *before.behind]
                stopped[account_id] = Resequenced(poison=poison_of(held.event, held.reason), behind=behind)
        outcome.waiting += [_waiting(events, reasons[account_id]) for account_id, events in refused.items()]
        return refused

    def _hold(self, parked: Parked, arrivals: Sequence[Arrival], outcome: Outcome, deadline_s: float) -> list[Arrival]:
        """What of a parked account's arrivals may go all the same: the events before the one it is parked at."""
        self._last_published.forget(parked.account_id)  # its release goes on from where it is parked
        held = [arrival for arrival in arrivals if arrival.sequence >= parked.first]
        if held:
            through = last_of(held)
            try:
                if through > parked.held_through and self._clock() >= deadline_s:
                    outcome.waiting.append(_waiting(held, NOT_ATTEMPTED))
                elif through <= parked.held_through or self._parking.hold(parked, through):
                    outcome.held += len(held)
                else:
                    outcome.waiting.append(_waiting(held, RELEASED))
            except Unavailable as error:
                outcome.waiting.append(_waiting(held, str(error)))
        return [arrival for arrival in arrivals if arrival.sequence < parked.first]

    def _stop(self, line: Resequenced, outcome: Outcome, *, is_due: bool) -> None:
        """Park an account in front of its poison, once all before it is on the stream."""
        if line.poison is None or not is_due:
            outcome.waiting.append(_waiting(line.behind, line.failure or NOT_ATTEMPTED))
            return
        poison = line.poison
        through = max(last_of(line.behind), last_of([poison]))
        parked = Parked(poison.account_id, poison.sequence, through, poison.version, poison.reason, self._now())
        try:
            is_new = self._parking.park(parked)
        except Unavailable as error:
            outcome.waiting.append(_waiting(line.behind, str(error)))
            return
        if not is_new:
            outcome.waiting.append(_waiting(line.behind, "parked meanwhile"))
            return
        self._last_published.forget(poison.account_id)
        outcome.held += len(line.behind)
        outcome.parked.append(parked)

    def _reader(self, deadline_s: float) -> Callable[[str, int, int, int], Iterable[Arrival]]:
        def read(account_id: str, first: int, last: int, position: int) -> Iterable[Arrival]:
            if self._clock() >= deadline_s:
                raise Unavailable(NOT_ATTEMPTED)
            return self._ledger.events(account_id, first, last, position)

        return read


def _waiting(arrivals: Sequence[Arrival], reason: str) -> Waiting:
    sequences = [arrival.sequence for arrival in arrivals]
    position = min(arrival.position for arrival in arrivals)
    return Waiting(arrivals[0].account_id, min(sequences), max(sequences), position, reason)
