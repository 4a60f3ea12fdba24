"""What reached Kinesis, against what the table's stream told: each promise an assertion that says whom it failed."""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from account_events.testing.expected import Account, accounts_in, change_of
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.table_stream import TableStream
from schemas.codec import DomainEvent

FAILURES_MAX = 10


class Arrivals:
    """Assertions about a stream and a Kinesis that its events were to reach.

    Attributes:
        stream: what was replayed.
        kinesis: where the events arrived.
    """

    def __init__(self, stream: TableStream, kinesis: MemoryKinesis) -> None:
        self.stream = stream
        self.kinesis = kinesis

    @property
    def events(self) -> list[DomainEvent]:
        """The domain events on Kinesis, in the order they arrived."""
        return self.kinesis.events()

    @property
    def per_account(self) -> dict[str, list[DomainEvent]]:
        return self.kinesis.per_account()

    def sequences(self) -> dict[str, list[int]]:
        """Each account's, in the order they arrived, repetitions left out."""
        return {account_id: list(dict.fromkeys(_numbers(events))) for account_id, events in self.per_account.items()}

    @cached_property
    def expected(self) -> dict[str, Account]:
        return accounts_in(self.stream)

    def assert_delivered(self) -> None:
        """The whole delivery promise: all of the assertions below but `assert_each_once`."""
        self.assert_every_event()
        self.assert_in_order()
        self.assert_repeats_only()
        self.assert_balances()
        self.assert_stops_at_poison()

    def assert_every_event(self) -> None:
        """Each event is there at least once: all but a poisonous one, and those behind it of the same account."""
        missing, arrived = [], self.per_account
        for account_id, account in self.expected.items():
            there = set(_numbers(arrived.get(account_id, [])))
            if lost := sorted(account.due().keys() - there):
                missing.append(f"{account_id}: {_listed(lost)} never reached Kinesis")
        _fail_if(missing)

    def assert_each_once(self) -> None:
        """Each event is there exactly once."""
        self.assert_every_event()
        failures = []
        for account_id, events in self.per_account.items():
            if twice := sorted(number for number, times in Counter(_numbers(events)).items() if times > 1):
                failures.append(f"{account_id}: {_listed(twice)} came more than once")
        _fail_if(failures)

    def assert_in_order(self) -> None:
        """At first arrival each account's events run without a gap, from the first one that the stream tells of."""
        failures = []
        for account_id, events in self.per_account.items():
            told = self.expected.get(account_id)
            last = min(told.events, default=1) - 1 if told else 0
            for number in _numbers(events):
                if number > last + 1:
                    failures.append(f"{account_id}: {number} came before {last + 1}")
                    break
                last = max(last, number)
        _fail_if(failures)

    def assert_repeats_only(self) -> None:
        """Every event is what its row says, field by field, each time it comes."""
        failures = []
        for account_id, events in self.per_account.items():
            told = self.expected.get(account_id, Account()).events
            first: dict[int, DomainEvent] = {}
            for event in events:
                number = event.fields["sequence"]
                due = told.get(number) or first.setdefault(number, event)  # read from the table: not in the stream
                if differing := _differing(event, due):
                    failures.append(f"{account_id}: {number} is not as it is in the ledger: {differing}")
                    break
                if not told:
                    failures.append(f"{account_id}: {number} is of an account that the stream does not tell of")
                    break
        _fail_if(failures)

    def assert_balances(self) -> None:
        """An account's events, added up, make the ledger's balance after each of them."""
        failures, arrived = [], self.per_account
        for account_id, account in self.expected.items():
            events = {event.fields["sequence"]: event for event in arrived.get(account_id, [])}
            if not events:
                continue
            first = min(events)
            balance = events[first].fields["balance"] - change_of(events[first])
            for number in sorted(events):
                balance += change_of(events[number])
                if number in account.balances and balance != account.balances[number]:
                    failures.append(f"{account_id}: the events up to {number} do not add up to the ledger's balance")
                    break
        _fail_if(failures)

    def assert_stops_at_poison(self) -> None:
        """Nothing of a poisonous row is there, and nothing of its account's behind it."""
        failures, arrived = [], self.per_account
        for account_id, account in self.expected.items():
            numbers = _numbers(arrived.get(account_id, []))
            beyond = sorted({n for n in numbers if account.stops_at is not None and n >= account.stops_at})
            if beyond:
                failures.append(f"{account_id}: {_listed(beyond)} was published, at or behind {account.stops_at}")
        _fail_if(failures)


def _numbers(events: Iterable[DomainEvent]) -> list[int]:
    return [event.fields["sequence"] for event in events]


def _differing(event: DomainEvent, due: DomainEvent) -> str:
    """The names of fields that differ, no values, lest amounts get into logs; an older schema may lack some."""
    if event.name != due.name:
        return f"{event.name}, not {due.name}"
    return ", ".join(name for name, value in event.fields.items() if due.fields.get(name) != value)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:FAILURES_MAX]))
    return shown if len(numbers) <= FAILURES_MAX else f"{shown} and {len(numbers) - FAILURES_MAX} more"


def _fail_if(failures: list[str]) -> None:
    if failures:
        more = len(failures) - FAILURES_MAX
        raise AssertionError(
            "\n".join([*failures[:FAILURES_MAX], *([f"and {more} more accounts"] if more > 0 else [])])
        )
