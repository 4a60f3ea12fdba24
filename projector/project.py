"""Project one batch of the table's stream: from Lambda's event to Lambda's response."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from account_events.avro.encoder import ENCODERS, Encoders
from projector.errors import Unavailable
from projector.lanes import NOT_ATTEMPTED
from projector.last_published import LastPublished, Span
from projector.outgoing import Arrival, Outgoing, Publisher, poison_of
from projector.parking import Parked, Parking, last_of
from projector.parse import Batch, parse
from projector.predecessors import PredecessorCheck, Predecessors, first_seen
from projector.resequence import Resequenced, is_in_sequence, resequence

BatchResponse = dict[str, list[dict[str, str]]]

UNREADABLE = "the record's key does not name an account"
RELEASED = "the account was released while its events were being held back"


class Ledger(Protocol):
    """The reads of the accounts' table that the release of a parked account needs."""

    def events(self, account_id: str, first: int, last: int, position: int) -> Iterable[Arrival]:
        """Read the events from sequence `first` to `last`, each as an event or a Poison. Raises Unavailable."""


class Table(Ledger, Predecessors, Protocol):
    """All reads of the accounts' table that the projector needs."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events of an account that are not known to be on Kinesis. Lambda must deliver them again.

    Attributes:
        account_id: None if the record's key does not name an account.
        first: the lowest sequence; None if it cannot be read.
        last: the highest sequence; None if it cannot be read.
        position: the lowest position of the events' records in the batch.
        reason: a text for the log, without amounts.
    """

    account_id: str | None
    first: int | None
    last: int | None
    position: int
    reason: str


@dataclass(slots=True)
class Outcome:
    """The outcome of a batch.

    Attributes:
        records: the number of records of every kind.
        published: the number of events that Kinesis accepted.
        filled: the number of events that the batch lacked and that were read from the table, whether or not Kinesis
            accepted them.
        checked: the number of accounts, unknown to this environment, whose previous event was looked up.
        held: the number of arrivals that wait for the release of their account.
        kinesis_records: the number of Kinesis records that the events were packed into.
        refusals: how many times Kinesis did not accept a record.
        oldest_us: when the oldest published event occurred, microseconds since 1970; None if none was published.
        parked: accounts parked with this batch.
        parked_total: the number of parked accounts after the batch; None if they could not be listed.
        waiting: what must be delivered again.
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
    parked_total: int | None = None
    waiting: list[Waiting] = field(default_factory=list)


class Projector:
    """Publishes the events of batches, one batch at a time.

    An event that can never be published parks its account. If an event cannot be published now, it is delivered again
    together with all later records of the batch, so those later events may be published twice.

    Args:
        publisher: usually a `KinesisPublisher`.
        parking: the parked accounts.
        ledger: the table.
        report: called once with every outcome.
        clock: seconds, monotonic; deadlines are read on this clock.
        now: returns the current time in the format of `Parked.at`.
        parking_s: how long after the deadline accounts may still be parked.
        executor: runs requests concurrently.
        order_window_s: the order window in seconds. Of two events of an account that occurred less than this apart, the
            record of the earlier one may arrive after the record of the later one.
        encoders: encode the events; the ledger must use the same ones.
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
        executor: Executor,
        order_window_s: float,
        encoders: Encoders = ENCODERS,
    ) -> None:
        self._publisher = publisher
        self._parking = parking
        self._ledger = ledger
        self._report = report
        self._clock = clock
        self._now = now
        self._parking_s = parking_s
        self._executor = executor
        self._encoders = encoders
        self._last_published = LastPublished()
        self._check = PredecessorCheck(ledger, round(order_window_s * 1_000_000), executor)

    def __call__(self, event: Mapping[str, Any], deadline_s: float) -> BatchResponse:
        """Project a batch, and return the first record that Lambda must deliver again, if any, as its checkpoint.

        docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

        Args:
            event: Lambda's event, as `parse` describes it.
            deadline_s: no put begins at or after this time.

        Raises:
            NotATableStream: `event` is not a batch of a table's stream. Nothing was published; the whole batch fails.
        """
        listing = self._executor.submit(self._parking.list_parked)
        try:
            batch = parse(event, self._encoders)
        finally:
            wait([listing])  # no request may be open when Lambda freezes the environment
        outcome = Outcome(len(batch.numbers))
        if batch.unreadable is not None:
            outcome.waiting.append(Waiting(None, None, None, batch.unreadable, UNREADABLE))
        if batch.arrivals:
            try:
                parked = listing.result()
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
        # Half of the remaining time is reserved for the puts. Accounts whose missing events are not read by then, or
        # whose arrivals are not held back by then, are delivered again. That delivery needs fewer reads.
        reads_end_s = (self._clock() + deadline_s) / 2
        others: dict[str, tuple[Sequence[Arrival], Span | None]] = {}
        for account_id, arrivals in batch.arrivals.items():
            if account_id not in parked and is_in_sequence(arrivals, self._last_published.last(account_id)):
                ready += arrivals  # type: ignore[arg-type]  # the usual case: no poison, nothing missing
                continue
            published = self._last_published.span(account_id)
            publishable: Sequence[Arrival] = arrivals
            if account_id in parked:
                publishable = self._hold(parked[account_id], arrivals, outcome, reads_end_s)
            if publishable:
                others[account_id] = publishable, published
        for resequenced in self._resequenced(others, outcome, reads_end_s):
            ready += resequenced.events
            if resequenced.behind:
                stopped[resequenced.behind[0].account_id] = resequenced
        refused = self._publish(ready, stopped, outcome, deadline_s)
        for account_id, resequenced in stopped.items():
            in_time = self._clock() < deadline_s + self._parking_s
            self._stop(resequenced, outcome, is_due=in_time and account_id not in refused)
        outcome.parked_total = len(parked.keys() | {one.account_id for one in outcome.parked})

    def _resequenced(
        self, arrived: Mapping[str, tuple[Sequence[Arrival], Span | None]], outcome: Outcome, reads_end_s: float
    ) -> Iterator[Resequenced]:
        """Resequence each account's arrivals, given the events of the account that are known to be published."""
        unknown = [(account_id, arrivals) for account_id, (arrivals, published) in arrived.items() if published is None]
        firsts = [first for each in unknown if (first := first_seen(*each)) is not None]
        outcome.checked = len(firsts)
        earlier = self._check(firsts, lambda: self._clock() < reads_end_s)
        for account_id, (arrivals, published) in arrived.items():
            before = earlier.get(account_id, ())
            if isinstance(before, Unavailable):
                outcome.waiting.append(_waiting(arrivals, str(before)))
                continue
            resequenced = resequence([*before, *arrivals], published, self._reader(reads_end_s))
            outcome.filled += resequenced.filled + min(len(before), len(resequenced.events))
            yield resequenced

    def _publish(
        self, ready: Sequence[Outgoing], stopped: dict[str, Resequenced], outcome: Outcome, deadline_s: float
    ) -> dict[str, list[Outgoing]]:
        """Publish, and return by account the events to deliver again; accounts with a refused event go to `stopped`."""
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
        """Hold back a parked account's arrivals, and return the earlier ones, which may still be published."""
        self._last_published.forget(parked.account_id)  # the release publishes from `parked.first` on
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

    def _stop(self, resequenced: Resequenced, outcome: Outcome, *, is_due: bool) -> None:
        """Park an account at its poison once all its earlier events are on the stream."""
        if resequenced.poison is None or not is_due:
            outcome.waiting.append(_waiting(resequenced.behind, resequenced.failure or NOT_ATTEMPTED))
            return
        poison = resequenced.poison
        through = max(last_of(resequenced.behind), last_of([poison]))
        parked = Parked(poison.account_id, poison.sequence, through, poison.version, poison.reason, self._now())
        try:
            is_new = self._parking.park(parked)
        except Unavailable as error:
            outcome.waiting.append(_waiting(resequenced.behind, str(error)))
            return
        if not is_new:
            outcome.waiting.append(_waiting(resequenced.behind, "already parked at this event or earlier"))
            return
        self._last_published.forget(poison.account_id)
        outcome.held += len(resequenced.behind)
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
