"""Compare the events on Kinesis with the table's stream; each assertion names the accounts that break it."""

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
    """Assertions about a stream and a Kinesis that its events were to reach.

    Attributes:
        stream: what was replayed.
        kinesis: where the events arrived.
        ledger: the table's rows, if the handler can read events from there that are not on the stream.
    """

    def __init__(self, stream: TableStream, kinesis: MemoryKinesis, ledger: Iterable[Image] = ()) -> None:
        self.stream = stream
        self.kinesis = kinesis
        self.ledger = tuple(ledger)

    @property
    def events(self) -> list[DomainEvent]:
        """The domain events on Kinesis, in the order they arrived."""
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
        """The event of its row: on the stream, or in the ledger if it was written before the stream's last row."""
        on_stream = self.expected.get(account_id, Account()).events
        if number in on_stream or number > max(on_stream, default=0):
            return on_stream.get(number)
        return self._in_ledger.get(account_id, Account()).events.get(number)

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
        """Each event is there exactly once, and nothing else."""
        self.assert_every_event()
        self.assert_nothing_invented()
        failures = []
        for account_id, events in self.per_account.items():
            if twice := sorted(number for number, times in Counter(_numbers(events)).items() if times > 1):
                failures.append(f"{account_id}: {_listed(twice)} came more than once")
        _fail_if(failures)

    def assert_in_order(self) -> None:
        """At first arrival each account's events run without a gap, from the first on the stream, or from earlier."""
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
        """Every event has a row: on the stream, or, up to the last event on the stream, in the ledger."""
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
            return "is of a row that no event can be made of"
        if number > (last := max(account.events, default=0)):
            return f"has no row: the last event on the stream is {last}"
        if self.ledger:
            return "has no row that an event can be made of, neither in the stream nor in the ledger"
        return "has no row in the stream; if it was read from the table, give replay the table's rows: ledger=rows"

    def assert_repeats_only(self) -> None:
        """Every event equals its row, field by field, each time it arrives."""
        self.assert_nothing_invented()
        failures = []
        for account_id, events in self.per_account.items():
            for event in events:
                due = self._expected_event(account_id, event.fields["sequence"])
                if due is not None and (differing := _differing(event, due)):
                    number = event.fields["sequence"]
                    failures.append(f"{account_id}: {number} is not as it is in the ledger: {differing}")
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
        """Neither a poisonous row nor a later one of its account has an event."""
        failures, arrived = [], self.per_account
        for account_id, account in self.expected.items():
            numbers = _numbers(arrived.get(account_id, []))
            beyond = sorted({n for n in numbers if account.stops_at is not None and n >= account.stops_at})
            if beyond:
                failures.append(f"{account_id}: {_listed(beyond)} was published, at or behind {account.stops_at}")
        _fail_if(failures)


def _numbers(events: Iterable[DomainEvent]) -> list[int]:
    return [event.fields["sequence"] for event in events]


def _where(number: int, first: int, last: int) -> str:
    return f"behind {last}" if number < first else f"before {last + 1}"


def _differing(event: DomainEvent, due: DomainEvent) -> str:
    """The names of fields that differ, no values, lest amounts get into logs; those that an older schema lacks, too."""
    if event.name != due.name:
        return f"{event.name}, not {due.name}"
    lost = [f"{name} (lost)" for name in due.fields if name not in event.fields]
    return ", ".join([*(name for name, value in event.fields.items() if due.fields.get(name, ABSENT) != value), *lost])


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:FAILURES_MAX]))
    return shown if len(numbers) <= FAILURES_MAX else f"{shown} and {len(numbers) - FAILURES_MAX} more"


def _fail_if(failures: list[str]) -> None:
    if failures:
        more = len(failures) - FAILURES_MAX
        raise AssertionError(
            "\n".join([*failures[:FAILURES_MAX], *([f"and {more} more accounts"] if more > 0 else [])])
        )
