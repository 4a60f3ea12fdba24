"""Assertions that compare the events on Kinesis with the table's stream and name the accounts that differ."""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from account_events.avro.codec import DomainEvent
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.records import Image
from account_events.testing.table_stream import TableStream
from tests.support.expected import Account, accounts_in, change_of
from tests.support.rows import KEY, has_key

FAILURES_MAX = 10
ABSENT = object()


class Arrivals:
    """Assertions about a table's stream and the Kinesis stream that its events must reach.

    Attributes:
        stream: the replayed stream.
        kinesis: where the events arrived.
        ledger: the table's rows, if the handler can read rows that are not on the stream.
    """

    def __init__(self, stream: TableStream, kinesis: MemoryKinesis, ledger: Iterable[Image] = ()) -> None:
        self.stream = stream
        self.kinesis = kinesis
        self.ledger = tuple(ledger)

    @property
    def events(self) -> list[DomainEvent]:
        """The domain events on Kinesis, in the order of arrival."""
        return self.kinesis.events()

    @property
    def per_account(self) -> dict[str, list[DomainEvent]]:
        return self.kinesis.per_account()

    def sequences(self) -> dict[str, list[int]]:
        """Each account's sequences in the order of arrival, without repetitions."""
        return {account_id: list(dict.fromkeys(_numbers(events))) for account_id, events in self.per_account.items()}

    @cached_property
    def expected(self) -> dict[str, Account]:
        return accounts_in(self.stream)

    @cached_property
    def _in_ledger(self) -> dict[str, Account]:
        return accounts_in(TableStream.of_images(filter(has_key, self.ledger), KEY))

    def _expected_event(self, account_id: str, number: int) -> DomainEvent | None:
        """The event of a row on the stream, or of a row in the ledger from before the stream's last row."""
        on_stream = self.expected.get(account_id, Account()).events
        if number in on_stream or number > max(on_stream, default=0):
            return on_stream.get(number)
        return self._in_ledger.get(account_id, Account()).events.get(number)

    def assert_delivered(self) -> None:
        """Check the whole delivery promise: every assertion below except `assert_each_once`."""
        self.assert_every_event()
        self.assert_in_order()
        self.assert_repeats_only()
        self.assert_balances()
        self.assert_stops_at_poison()

    def assert_every_event(self) -> None:
        """Each event arrived at least once, except a poison and the later events of its account."""
        missing, arrived = [], self.per_account
        for account_id, account in self.expected.items():
            there = set(_numbers(arrived.get(account_id, [])))
            if lost := sorted(account.publishable().keys() - there):
                missing.append(f"{account_id}: {_listed(lost)} never reached Kinesis")
        _fail_if(missing)

    def assert_each_once(self) -> None:
        """Each event arrived exactly once, and nothing else arrived."""
        self.assert_every_event()
        self.assert_nothing_invented()
        failures = []
        for account_id, events in self.per_account.items():
            if twice := sorted(number for number, times in Counter(_numbers(events)).items() if times > 1):
                failures.append(f"{account_id}: {_listed(twice)} came more than once")
        _fail_if(failures)

    def assert_in_order(self) -> None:
        """Each account's events begin at its first one on the stream, or earlier, and continue without gaps."""
        failures = []
        for account_id, events in self.per_account.items():
            numbers = _numbers(events)
            first = min(numbers[0], min(self.expected.get(account_id, Account()).events, default=1))
            last = first - 1
            for number in numbers:
                if not first <= number <= last + 1:
                    failures.append(f"{account_id}: {number} came {_where(number, first, last)}")
                    break
                last = max(last, number)
        _fail_if(failures)

    def assert_nothing_invented(self) -> None:
        """Every event has a row on the stream or, if it precedes the last event on the stream, in the ledger."""
        failures = []
        for account_id, events in self.per_account.items():
            for number in sorted(set(_numbers(events))):
                if self._expected_event(account_id, number) is None:
                    failures.append(f"{account_id}: {number} {self._why_not(account_id, number)}")
                    break
        _fail_if(failures)

    def _why_not(self, account_id: str, number: int) -> str:
        account = self.expected.get(account_id)
        if account is None:
            return "is of an account that is not on the stream"
        if number == account.stops_at:
            return "is of a row that cannot become an event"
        if number > (last := max(account.events, default=0)):
            return f"has no row: the last event on the stream is {last}"
        if self.ledger:
            return "has no row that can become an event, neither in the stream nor in the ledger"
        return "has no row in the stream; if it was read from the table, pass the table's rows to replay: ledger=rows"

    def assert_repeats_only(self) -> None:
        """Every event equals its row, field by field, every time it arrives."""
        self.assert_nothing_invented()
        failures = []
        for account_id, events in self.per_account.items():
            for event in events:
                expected = self._expected_event(account_id, event.fields["sequence"])
                if expected is not None and (differing := _differing(event, expected)):
                    number = event.fields["sequence"]
                    failures.append(f"{account_id}: {number} differs from the ledger: {differing}")
                    break
        _fail_if(failures)

    def assert_balances(self) -> None:
        """The sum of an account's events up to each of them equals the ledger's balance after it."""
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
        """No event of a poison, or of a later row of its account, was published."""
        failures, arrived = [], self.per_account
        for account_id, account in self.expected.items():
            numbers = _numbers(arrived.get(account_id, []))
            beyond = sorted({n for n in numbers if account.stops_at is not None and n >= account.stops_at})
            if beyond:
                failures.append(f"{account_id}: {_listed(beyond)} was published, but it stops at {account.stops_at}")
        _fail_if(failures)


def _numbers(events: Iterable[DomainEvent]) -> list[int]:
    return [event.fields["sequence"] for event in events]


def _where(number: int, first: int, last: int) -> str:
    return f"after {last}" if number < first else f"before {last + 1}"


def _differing(event: DomainEvent, expected: DomainEvent) -> str:
    """The names of the fields that differ or are missing, without values, so that no amount gets into a log."""
    if event.name != expected.name:
        return f"{event.name}, not {expected.name}"
    differing = [name for name, value in event.fields.items() if expected.fields.get(name, ABSENT) != value]
    missing = [f"{name} (missing)" for name in expected.fields if name not in event.fields]
    return ", ".join([*differing, *missing])


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:FAILURES_MAX]))
    return shown if len(numbers) <= FAILURES_MAX else f"{shown} and {len(numbers) - FAILURES_MAX} more"


def _fail_if(failures: list[str]) -> None:
    if failures:
        more = len(failures) - FAILURES_MAX
        raise AssertionError(
            "\n".join([*failures[:FAILURES_MAX], *([f"and {more} more accounts"] if more > 0 else [])])
        )
