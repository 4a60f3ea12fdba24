"""Reading an account's state from its newest ten rows, against folding the whole history without snapshots."""

from decimal import Decimal

from account_core.domain.events import Created, Credited, EventRow, Row
from account_core.rows.items import from_item, to_item
from account_core.service.head import Head, Origin, advance, fold, rows_for
from benchmarks.timing import Benchmark, cpu_us

EVENTS = 1_000


_ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")


def _ledger() -> list[Row]:
    head, rows = Head(), list[Row]()
    for number in range(EVENTS):
        event = Credited(Decimal("1.00")) if number else Created("owner-1", "EUR")
        appended = rows_for("account-1", head, event, _ORIGIN)
        rows += appended
        head = advance(head, appended[0])
    return rows


_ROWS = _ledger()
_NEWEST = [to_item(row) for row in _ROWS[:-11:-1]]
_EVENTS = [to_item(row) for row in reversed(_ROWS) if isinstance(row, EventRow)]


def _ours() -> Head:
    return fold([from_item(item) for item in _NEWEST])


def _baseline() -> Head:
    return fold([from_item(item) for item in _EVENTS])


assert _ours() == _baseline()  # noqa: S101 -- both must have the same result
BENCHMARKS = [
    Benchmark(
        f"state of an account of {EVENTS} events; folding all of them",
        "CPU us",
        0.05,
        lambda: cpu_us(_ours),
        lambda: cpu_us(_baseline),
    )
]
