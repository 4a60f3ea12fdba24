"""What the projector promises, checked at everything that happens.

Per account, events come onto the stream in sequence and without gaps, however late their records are within the order
window. The exception is an event that the table's own stream kept from the projector: its record was lost (given up, or
trimmed after 24 hours), or comes behind that of an event that occurred a whole order window later. Such an event is
**hidden**. Nobody can know that it is missing but an execution environment that knows how far the account is published,
or one that finds the hole inside a batch: these must fill it from the table. Any other may go on behind it; where the
record was given up, an alarm fires, and the operator publishes the event from the table.

A hidden event whose record comes at last is published: out of its turn, but not lost. A service that reads the stream
through the consumer kit applies every account's events once and in sequence, whatever the stream did.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from projector.parking import Parked
from tests.simulation.projector.fixtures import Event


class PromiseBroken(AssertionError):
    """With what was promised, and of which event it is not true."""


@dataclass(slots=True)
class Delivery:
    """A delivery under way.

    Attributes:
        events: whose records are in the batch.
        known: accounts of which the environment knows how far they are published, and the first event it knows of.
        deadline_s: no put may begin at or after it.
        parked: those parked before it began and not released since.
        accepted: accounts of which it was told that an event is accepted, and the first of these.
        seen_parked: accounts of which it was told that they are parked: what it knew of them, it may forget.
    """

    events: set[Event]
    known: Mapping[str, int]
    deadline_s: float
    parked: dict[str, Parked]
    accepted: dict[str, int] = field(default_factory=dict)
    seen_parked: set[str] = field(default_factory=set)


class Oracle:
    """The judge.

    Attributes:
        there: events on the stream.
        lost: events whose records were given up or trimmed.
        overtaken: events whose record is behind that of an event of their account that occurred an order window later.
        delivery: the one under way.
    """

    def __init__(self) -> None:
        self.there: set[Event] = set()
        self.lost: set[Event] = set()
        self.overtaken: set[Event] = set()
        self.delivery: Delivery | None = None
        self._acknowledged: set[Event] = set()
        self._owed: dict[str, set[int]] = {}

    def puts(self, now_s: float) -> None:
        """The function makes a call."""
        if self.delivery is not None:
            _check(now_s < self.delivery.deadline_s, "a put begins after the deadline")

    def put(self, events: Iterable[Event], parked: Mapping[str, Parked], *, by_function: bool) -> list[bool]:
        """Events are being sent; for each of them whether it may go in front of the one before it."""
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
        """It is on the stream, whether for the first time or again; answers which."""
        if event in self.there:
            return False
        account_id, sequence = event
        if sequence > 1 and (account_id, sequence - 1) not in self.there:
            _check(may_overtake, f"{event} is on the stream, and the event before it is not")
        self.there.add(event)
        self._owed.get(account_id, set()).discard(sequence)
        return True

    def acknowledged(self, events: Iterable[Event]) -> None:
        """Their records are done, as far as the mapping knows."""
        for event in events:
            self._acknowledged.add(event)
            if event in self.there or event in self.lost:
                continue
            account_id, sequence = event
            self._owed.setdefault(account_id, set()).add(sequence)

    def gave_up(self, events: Iterable[Event]) -> list[Event]:
        """Their records will not be delivered again; those that nobody has taken care of."""
        lost = [event for event in events if event not in self._acknowledged]
        self.lost.update(lost)
        return lost

    def parks(self, parked: Parked) -> None:
        """Its release will begin with `first`: everything in front of that has to be there."""
        before = parked.account_id, parked.first - 1
        is_there = parked.first == 1 or before in self.there or self._is_hidden(before)
        _check(is_there, f"an account is parked, and the event before that is not on the stream: {parked}")

    def _is_hidden(self, event: Event) -> bool:
        return event in self.lost or event in self.overtaken

    def released(self, account_id: str) -> None:
        if self.delivery is not None:
            self.delivery.parked.pop(account_id, None)

    def check_nothing_is_lost(self, parked: Mapping[str, Parked]) -> None:
        """What is acknowledged is on the stream, or written down as waiting."""
        for account_id, sequences in self._owed.items():
            if not sequences:
                continue
            there = parked.get(account_id)
            _check(there is not None, f"{account_id}:{sorted(sequences)} are acknowledged, not published, not parked")
            is_held = there is not None and there.first <= min(sequences) and max(sequences) <= there.held_through
            _check(is_held, f"{account_id}:{sorted(sequences)} are acknowledged, and do not wait in {there}")

    def check_mended(self, events: Iterable[Event]) -> None:
        """The failure bucket forgets them."""
        for event in events:
            _check(event in self.there, f"{event} was given up, and is taken for published now")

    def check_all_is_told(
        self, written: Iterable[Event], parked: Mapping[str, Parked], abandoned: Container[str]
    ) -> None:
        """At the end: every event is on the stream, or one of those that the operator has left where they are."""
        for account_id, sequence in written:
            event = account_id, sequence
            if event in self.there or (account_id in abandoned and event in self.lost):
                continue
            there = parked.get(account_id)
            is_held = there is not None and there.first <= sequence <= there.held_through
            _check(is_held, f"{account_id}:{sequence} is never published, and its account is {there}")

    def check_consumer(self, applied: Mapping[str, Sequence[int]]) -> None:
        """It has applied each account's events, from the first to the last that all earlier ones are there of."""
        for account_id in {account_id for account_id, _ in self.there} | set(applied):
            sequences = applied.get(account_id, [])
            in_order = list(range(1, len(sequences) + 1))
            _check(sequences == in_order, f"a consumer applies {account_id}'s events as {sequences}")
            is_rest_there = (account_id, len(sequences) + 1) in self.there
            _check(not is_rest_there, f"a consumer does not apply {account_id}:{len(sequences) + 1}")


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 -- as assert
    if not holds:
        raise PromiseBroken(otherwise)
