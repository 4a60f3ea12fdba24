"""The figures of the daily report, read from the lake. Amounts of different currencies are never added.

The day's events are read three times, each time only the columns needed. Earlier days come from `daily_totals`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ops.lake.query.catalog import FOLDER
from ops.lake.query.engine import Engine
from ops.report.balances import Distribution, Size, distribution

DAYS = 30
"""The number of days in the charts of net flow. The last one is the report's own day."""
MOVEMENTS_MAX = 10
"""The number of largest movements that the report shows per currency."""
HOURS = 24
NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Flow:
    """The accounts opened and the movements, in one currency over some time."""

    opened: int = 0
    credits: int = 0
    credited: Decimal = NOTHING
    withdrawals: int = 0
    withdrawn: Decimal = NOTHING

    @property
    def net(self) -> Decimal:
        """Credits less withdrawals."""
        return self.credited - self.withdrawn

    @property
    def events(self) -> int:
        """The number of events of all types."""
        return self.opened + self.credits + self.withdrawals

    def __add__(self, other: "Flow") -> "Flow":
        """The sum of two flows of one currency."""
        return Flow(
            self.opened + other.opened,
            self.credits + other.credits,
            self.credited + other.credited,
            self.withdrawals + other.withdrawals,
            self.withdrawn + other.withdrawn,
        )


@dataclass(frozen=True, slots=True)
class Movement:
    """One credit or withdrawal. `occurred_at` is UTC, without a zone."""

    account_id: str
    sequence: int
    is_credit: bool
    occurred_at: datetime
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Hour:
    """The number of events in an hour, over all currencies."""

    hour: int
    opened: int = 0
    credits: int = 0
    withdrawals: int = 0

    @property
    def events(self) -> int:
        """The number of events of all types."""
        return self.opened + self.credits + self.withdrawals


@dataclass(frozen=True, slots=True)
class CurrencyDay:
    """One currency's part of the report.

    Attributes:
        opening: the sum of all balances at the start of the day.
        days: the flow of each of the last `DAYS` days, in order, the report's own day last.
        movements: the largest movements, in order.
        balances: the distribution over the accounts that had an event on the day; None if there are none.
        missing: the number of the day's events that `daily_totals` lacks; negative if it has too many. If it is not 0,
            `opening` may be out of date, too.
    """

    currency: str
    opening: Decimal
    flow: Flow
    days: tuple[tuple[date, Flow], ...]
    movements: tuple[Movement, ...]
    balances: Distribution | None
    missing: int

    @property
    def closing(self) -> Decimal:
        """The sum of all balances at the end of the day."""
        return self.opening + self.flow.net


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a report.

    Attributes:
        currencies: those with events on or before the day, ordered by name.
        hours: all 24 hours of the day.
        newest_occurred_at: when the day's newest event occurred, UTC; None on a day without events.
        newest_published_at: when the last of the day's events reached the stream; None if unknown.
        earlier: the number of events on each of the earlier `DAYS` - 1 days, over all currencies, oldest first, without
            the days before the lake's first event.
    """

    day: date
    currencies: tuple[CurrencyDay, ...]
    hours: tuple[Hour, ...]
    newest_occurred_at: datetime | None
    newest_published_at: datetime | None
    earlier: tuple[int, ...]

    @property
    def events(self) -> int:
        """The day's events, over all currencies."""
        return sum(hour.events for hour in self.hours)

    @property
    def opened(self) -> int:
        """The accounts opened on the day."""
        return sum(hour.opened for hour in self.hours)

    @property
    def accounts(self) -> int:
        """The accounts that had an event on the day. Each has one currency, so none is counted twice."""
        return sum(each.balances.accounts for each in self.currencies if each.balances)

    @property
    def missing(self) -> int:
        """The events that `daily_totals` lacks plus those that it has too many."""
        return sum(abs(each.missing) for each in self.currencies)


def newest_day(engine: Engine) -> date | None:
    """The newest day that has events; None in an empty lake."""
    [record] = _ask(engine, "report_newest_day")
    return None if record["day"] is None else date.fromisoformat(record["day"])


def figures_of(engine: Engine, day: date) -> Figures:
    """Query the figures of a day.

    Raises:
        QueryFailed: the engine refused or aborted a query.
    """
    first = day - timedelta(days=DAYS - 1)
    of_the_day = _ask(engine, "report_day", f"{day}")
    totals = _ask(engine, "report_totals", f"{first}", f"{first}", f"{day}")
    movements = _ask(engine, "largest_movements", f"{day}", f"{day}", f"{MOVEMENTS_MAX}")
    balances = _ask(engine, "report_balances", f"{day}")
    answers = [_by_currency(records) for records in (of_the_day, totals, movements, balances)]
    currencies = sorted({currency for answer in answers for currency in answer})
    return Figures(
        day,
        tuple(_currency_day(day, each, *(answer.get(each, []) for answer in answers)) for each in currencies),
        _hours(of_the_day),
        max((record["newest_occurred_at"] for record in of_the_day), default=None),
        max((at for record in of_the_day if (at := record["newest_published_at"]) is not None), default=None),
        _earlier(totals, first, day),
    )


def _ask(engine: Engine, name: str, *parameters: str) -> list[dict[str, Any]]:
    return engine.query((FOLDER / f"{name}.sql").read_text(encoding="utf-8"), parameters).records()


def _by_currency(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        found[record["currency"]].append(record)
    return found


def _currency_day(  # noqa: PLR0917 -- the results, in the order of the queries
    day: date,
    currency: str,
    of_the_day: Sequence[Mapping[str, Any]],
    totals: Sequence[Mapping[str, Any]],
    movements: Sequence[Mapping[str, Any]],
    balances: Sequence[Mapping[str, Any]],
) -> CurrencyDay:
    """A currency's figures, from its records in each query's result."""
    flow = _flow(of_the_day)
    by_day = {date.fromisoformat(each["day"]): _total(each) for each in totals if each["day"] is not None}
    before = sum((_total(each) for each in totals if each["day"] is None), Flow())
    in_totals = by_day.pop(day, Flow())
    opening = sum(by_day.values(), before).net
    days = [day - timedelta(days=back) for back in reversed(range(DAYS))]
    return CurrencyDay(
        currency,
        opening,
        flow,
        tuple((each, flow if each == day else by_day.get(each, Flow())) for each in days),
        tuple(_movement(record) for record in movements),
        distribution([_size(record) for record in balances]),
        flow.events - in_totals.events,
    )


def _flow(records: Sequence[Mapping[str, Any]]) -> Flow:
    """The sum of a currency's records, which are by hour and type."""
    return sum((_part(record["event_type"], record["events"], record["amount"]) for record in records), Flow())


def _part(event_type: str, events: int, amount: Decimal) -> Flow:
    match event_type:
        case "AccountCreated":
            return Flow(opened=events)
        case "BalanceCredited":
            return Flow(credits=events, credited=amount)
        case "BalanceWithdrawn":
            return Flow(withdrawals=events, withdrawn=amount)
    raise ValueError(f"This release does not know the event {event_type}: use the release that does.")


def _total(record: Mapping[str, Any]) -> Flow:
    return Flow(*(record[name] for name in ("opened", "credits", "credited", "withdrawals", "withdrawn")))


def _movement(record: Mapping[str, Any]) -> Movement:
    return Movement(
        record["account_id"],
        record["sequence"],
        record["event_type"] == "BalanceCredited",
        record["occurred_at"],
        record["amount"],
        record["balance"],
    )


def _size(record: Mapping[str, Any]) -> Size:
    return Size(*(record[name] for name in ("sign", "size", "accounts", "least", "greatest", "median")))


def _hours(records: Sequence[Mapping[str, Any]]) -> tuple[Hour, ...]:
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for record in records:
        counts[record["hour"], record["event_type"]] += record["events"]
    kinds = ("AccountCreated", "BalanceCredited", "BalanceWithdrawn")
    return tuple(Hour(hour, *(counts[hour, kind] for kind in kinds)) for hour in range(HOURS))


def _earlier(totals: Sequence[Mapping[str, Any]], first: date, day: date) -> tuple[int, ...]:
    counts: defaultdict[date, int] = defaultdict(int)
    for record in totals:
        if record["day"] is not None:
            counts[date.fromisoformat(record["day"])] += record["events"]
    is_older = any(record["day"] is None for record in totals)
    begin = first if is_older else min(counts, default=day)
    return tuple(counts[begin + timedelta(days=number)] for number in range((day - begin).days))
