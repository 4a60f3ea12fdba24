"""Lakes for the report's tests, and their figures, computed by a plain fold."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.report.balances import Distribution, Size, distribution
from ops.report.figures import DAYS, CurrencyDay, Figures, Flow, Hour, Movement
from tests.support.lake import LakeRow, event, write
from tests.support.lake_totals import write_totals

DAY = date(2026, 8, 20)
NOON = datetime(2026, 8, 20, 12, 0)  # noqa: DTZ001 -- UTC, as everything in the lake
HOSTILE = '<script>alert("1")</script>&amp;</svg></title>'


def lake(root: Path, rows: Iterable[LakeRow]) -> DuckDBEngine:
    """A lake with these rows and their totals."""
    rows = list(rows)
    write(root, rows)
    write_totals(root, rows)
    return DuckDBEngine(str(root))


def opened(account_id: str, currency: str = "EUR", at: datetime = NOON) -> LakeRow:
    """The first event of an account."""
    return event(account_id, 1, "AccountCreated", at, currency, None, Decimal(0), owner="owner-1")


def moved(  # noqa: PLR0917 -- an event's fields
    account_id: str, sequence: int, amount: str, balance: str, currency: str = "EUR", at: datetime = NOON
) -> LakeRow:
    """A credit or, if the amount is negative, a withdrawal."""
    change = Decimal(amount)
    kind = "BalanceCredited" if change > 0 else "BalanceWithdrawn"
    return event(account_id, sequence, kind, at, currency, abs(change), Decimal(balance))


def folded(rows: Iterable[LakeRow], day: date) -> Figures:
    """The figures that the report must show for these rows, none of which is a copy."""
    until = [row for row in rows if row["dt"] <= f"{day}"]
    of_day = [row for row in until if row["dt"] == f"{day}"]
    hours: dict[int, Flow] = {
        hour: _flow([row for row in of_day if _at(row).hour == hour], money=False) for hour in range(24)
    }
    first = max(min((date.fromisoformat(row["dt"]) for row in until), default=day), day - timedelta(days=DAYS - 1))
    span = [first + timedelta(days=number) for number in range((day - first).days)]
    return Figures(
        day,
        tuple(
            _currency([row for row in until if row["currency"] == currency], currency, day)
            for currency in sorted({row["currency"] for row in until})
        ),
        tuple(Hour(hour, flow.opened, flow.credits, flow.withdrawals) for hour, flow in hours.items()),
        max(map(_at, of_day), default=None),
        max((datetime.fromisoformat(row["published_at"]) for row in of_day if row["published_at"]), default=None),
        tuple(sum(row["dt"] == f"{each}" for row in until) for each in span),
    )


def _currency(rows: list[LakeRow], currency: str, day: date) -> CurrencyDay:
    by_day = {
        each: _flow([row for row in rows if row["dt"] == f"{each}"])
        for each in (day - timedelta(days=back) for back in reversed(range(DAYS)))
    }
    of_day = [row for row in rows if row["dt"] == f"{day}"]
    largest = sorted(
        (row for row in of_day if row["amount"]),
        key=lambda row: (-Decimal(row["amount"]), row["account_id"], row["sequence"]),
    )
    return CurrencyDay(
        currency,
        _flow([row for row in rows if row["dt"] < f"{day}"]).net,
        by_day[day],
        tuple(by_day.items()),
        tuple(_movement(row) for row in largest[:10]),
        _balances(of_day),
        0,
    )


def _balances(rows: list[LakeRow]) -> Distribution | None:
    newest: dict[str, LakeRow] = {}
    for row in rows:
        if row["sequence"] > newest.get(row["account_id"], {"sequence": 0})["sequence"]:
            newest[row["account_id"]] = row
    closing = sorted(Decimal(row["balance"]) for row in newest.values())
    middle = closing[(len(closing) - 1) // 2] if closing else None
    sizes = []
    for index, balance in enumerate(closing):
        digits = f"{abs(int(balance))}"
        sign = (balance > 0) - (balance < 0)
        size = int(digits[0] + "0" * (len(digits) - 1))
        sizes.append(Size(sign, size, 1, balance, balance, middle if index == (len(closing) - 1) // 2 else None))
    return distribution(sizes)


def _flow(rows: list[LakeRow], *, money: bool = True) -> Flow:
    flow = Flow()
    for row in rows:
        amount = Decimal(row["amount"] or 0) if money else Decimal(0)
        match row["event_type"]:
            case "AccountCreated":
                flow += Flow(opened=1)
            case "BalanceCredited":
                flow += Flow(credits=1, credited=amount)
            case _:
                flow += Flow(withdrawals=1, withdrawn=amount)
    return flow


def _movement(row: LakeRow) -> Movement:
    return Movement(
        row["account_id"],
        row["sequence"],
        row["event_type"] == "BalanceCredited",
        _at(row),
        Decimal(row["amount"]),
        Decimal(row["balance"]),
    )


def _at(row: LakeRow) -> datetime:
    return datetime.fromisoformat(row["occurred_at"])
