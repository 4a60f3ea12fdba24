"""The projector's promises, checked at every step of a scenario.

Per account, events arrive on the stream in sequence and without gaps, however late their records are within the order
window. The exception is an event that the table's stream withheld from the projector: its record was lost (given up, or
trimmed after 24 hours), or comes after the record of an event that occurred a whole order window later. Such an event
is **hidden**. An execution environment can notice its absence only if it knows how far the account is published, or if
the gap is inside a batch; it must then fill the gap from the table. Any other environment may publish later events. If
the record was given up, an alarm fires, and the operator publishes the event from the table.

If the record of a hidden event arrives in the end, the event is published: out of order, but not lost. A service that
reads the stream with the consumer kit applies every account's events once and in sequence, whatever the stream does.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from projector.parking import Parked
from tests.simulation.projector.fixtures import Event


class PromiseBroken(AssertionError):
    """A promise was broken; the message names the promise and the event."""


@dataclass(slots=True)
class Delivery:
    """A delivery in progress.

    Attributes:
        events: the events in the batch.
        known: the first event known to be published, for accounts that the environment knows.
        deadline_s: no put may begin at or after this time.
        parked: accounts that were parked before the delivery began and have not been released since.
        accepted: the first event, per account, that the environment knows to be accepted in this delivery.
        seen_parked: accounts that the environment has seen parked, so that it may forget what it knew of them.
    """

    events: set[Event]
    known: Mapping[str, int]
    deadline_s: float
    parked: dict[str, Parked]
    accepted: dict[str, int] = field(default_factory=dict)
    seen_parked: set[str] = field(default_factory=set)


class Oracle:
    """Checks every step against the promises.

    Attributes:
        there: events on the stream.
        lost: events whose records were given up or trimmed.
        overtaken: events whose record comes after that of an event of their account that occurred an order window
            later.
        delivery: the delivery in progress.
    """

    def __init__(self) -> None:
        self.there: set[Event] = set()
        self.lost: set[Event] = set()
        self.overtaken: set[Event] = set()
        self.delivery: Delivery | None = None
        self._acknowledged: set[Event] = set()
        self._owed: dict[str, set[int]] = {}  # acknowledged, but not on the stream

    def puts(self, now_s: float) -> None:
        """The function begins a put."""
        if self.delivery is not None:
            _check(now_s < self.delivery.deadline_s, "a put begins after the deadline")

    def put(self, events: Iterable[Event], parked: Mapping[str, Parked], *, by_function: bool) -> list[bool]:
        """Events are being sent. Return for each whether it may arrive before its predecessor."""
        delivery = self.delivery if by_function else None
        return [self._may_overtake(event, parked, delivery) for event in events]

    def _may_overtake(self, event: Event, parked: Mapping[str, Parked], delivery: Delivery | None) -> bool:
        account_id, sequence = event
        before = (account_id, sequence - 1)
        is_hidden = self._is_hidden(before)
        if delivery is None:
            return is_hidden
        if account_id in delivery.parked and account_id in parked:
            first = max(delivery.parked[account_id].first, parked[account_id].first)
            _check(sequence < first, f"{event} is published while its account is parked at {first}")
        is_known = sequence >= delivery.known.get(account_id, sequence + 1)
        return is_hidden and not is_known and before not in delivery.events

    def arrived(self, event: Event, *, may_overtake: bool) -> bool:
        """An event is on the stream. Return whether this is the first time."""
        if event in self.there:
            return False
        account_id, sequence = event
        if sequence > 1 and (account_id, sequence - 1) not in self.there:
            _check(may_overtake, f"{event} is on the stream, but its predecessor is not")
        self.there.add(event)
        self._owed.get(account_id, set()).discard(sequence)
        return True

    def acknowledged(self, events: Iterable[Event]) -> None:
        """The mapping regards the records of these events as done."""
        for event in events:
            self._acknowledged.add(event)
            if event in self.there or event in self.lost:
                continue
            account_id, sequence = event
            self._owed.setdefault(account_id, set()).add(sequence)

    def gave_up(self, events: Iterable[Event]) -> list[Event]:
        """The records will not be delivered again. Return the events that were never acknowledged."""
        lost = [event for event in events if event not in self._acknowledged]
        self.lost.update(lost)
        return lost

    def parks(self, parked: Parked) -> None:
        """An account is being parked. All events before `first` must be on the stream, as its release begins there."""
        before = parked.account_id, parked.first - 1
        is_there = parked.first == 1 or before in self.there or self._is_hidden(before)
        _check(is_there, f"an account is parked, but the event before `first` is not on the stream: {parked}")

    def _is_hidden(self, event: Event) -> bool:
        return event in self.lost or event in self.overtaken

    def released(self, account_id: str) -> None:
        if self.delivery is not None:
            self.delivery.parked.pop(account_id, None)

    def check_nothing_is_lost(self, parked: Mapping[str, Parked]) -> None:
        """Every acknowledged event is on the stream, or recorded as held back."""
        for account_id, sequences in self._owed.items():
            if not sequences:
                continue
            there = parked.get(account_id)
            _check(there is not None, f"{account_id}:{sorted(sequences)} are acknowledged, not published, not parked")
            is_held = there is not None and there.first <= min(sequences) and max(sequences) <= there.held_through
            _check(is_held, f"{account_id}:{sorted(sequences)} are acknowledged, but not held back by {there}")

    def check_repaired(self, events: Iterable[Event]) -> None:
        """The events' records are about to be deleted from the failure bucket."""
        for event in events:
            _check(event in self.there, f"{event} was given up and is not on the stream, but counts as published")

    def check_nothing_is_missing(
        self, written: Iterable[Event], parked: Mapping[str, Parked], abandoned: Container[str]
    ) -> None:
        """At the end, every event is on the stream, held back, or lost for an account that the operator abandoned."""
        for account_id, sequence in written:
            event = account_id, sequence
            if event in self.there or (account_id in abandoned and event in self.lost):
                continue
            there = parked.get(account_id)
            is_held = there is not None and there.first <= sequence <= there.held_through
            _check(is_held, f"{account_id}:{sequence} is never published; its account is {there}")

    def check_consumer(self, applied: Mapping[str, Sequence[int]]) -> None:
        """The consumer has applied each account's events from the first up to the first gap on the stream."""
        for account_id in {account_id for account_id, _ in self.there} | set(applied):
            sequences = applied.get(account_id, [])
            in_order = list(range(1, len(sequences) + 1))
            _check(sequences == in_order, f"a consumer applies {account_id}'s events as {sequences}")
            is_rest_there = (account_id, len(sequences) + 1) in self.there
            _check(not is_rest_there, f"a consumer does not apply {account_id}:{len(sequences) + 1}")


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 -- as assert
    if not holds:
        raise PromiseBroken(otherwise)
