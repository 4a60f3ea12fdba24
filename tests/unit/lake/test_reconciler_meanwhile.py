"""Writes, arrivals and interrupts while ledger and lake are compared."""

import itertools
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.reconcile.comparison import Comparison
from ops.lake.reconcile.ledger_pages import pages
from ops.lake.reconcile.result import Finding
from ops.replay.engine import SEGMENTS
from ops.replay.pace import ReadPace
from tests.support.ctrl_c import Pressed
from tests.support.ledger_and_lake import START, history, lake_rows
from tests.unit.lake.reconcile_given import A, B, LedgerAndLake, without


def test_events_that_arrive_before_the_second_read_are_not_missing(given: Callable[..., LedgerAndLake]) -> None:
    rows = lake_rows(A)
    sides = given(A, without(rows, "a-1", 2, 5))
    later = lake_rows(history("a-9", "1.00", start=START))
    sides.settle = lambda: sides.add([*(row for row in rows if row["sequence"] == 5), *later])
    result, found = sides.reconciled()
    assert found == [Finding("missing", "a-1", 2, "a-1:2")]
    assert result.extra == 0, "an event that was stored after the ledger was read is not extra"


def test_even_the_first_file_may_arrive_before_the_second_read(given: Callable[..., LedgerAndLake]) -> None:
    sides = given(B, [])
    sides.settle = lambda: sides.add(lake_rows(B))
    result, _ = sides.reconciled()
    assert result.agrees


def test_an_event_written_during_the_comparison_is_not_a_finding(given: Callable[..., LedgerAndLake]) -> None:
    """Ledger and lake both get the event after the lake was read. It is young, so it counts as on its way."""
    sides = given(A, lake_rows(A))
    sides.now = START + timedelta(hours=13, minutes=30)
    young = history("a-3", start=sides.now)
    once: list[None] = []

    def write_it(_part: object) -> None:
        if not once:
            once.append(None)
            sides.source.put(young)
            sides.add(lake_rows(young))

    sides.source.on_read = write_it
    result, found = sides.reconciled()
    assert not found
    assert result.on_their_way == 1


def test_a_file_that_arrives_after_the_listing_is_ignored(given: Callable[..., LedgerAndLake]) -> None:
    """Even if its events are old, because the ledger may have been read past them."""
    sides = given(B, lake_rows(B))
    old, counts = lake_rows(history("a-9", "1.00", start=START)), []

    def arrives(engine: DuckDBEngine) -> None:
        sides.add(old)
        counts.append(engine.query("SELECT count(*) FROM account_events").rows)

    sides.on_listed = arrives
    result, found = sides.reconciled()
    assert counts == [[(len(B) + len(old),)]], "the file has arrived"
    assert not found
    assert result.agrees


def test_an_interrupt_stops_reading_the_lake(given: Callable[..., LedgerAndLake]) -> None:
    """The statement of this test would take years."""
    sides = given(A, lake_rows(A))
    is_endless = "(SELECT count(*) FROM range(10000000000) a (n), range(1000000) b (n) WHERE a.n * b.n % 7 = 3) > 0"

    def never_ends(engine: DuckDBEngine) -> None:
        engine.listed_events = f"SELECT * FROM account_events WHERE {is_endless}"  # noqa: S608

    sides.on_listed = never_ends

    def interrupt(_part: object) -> None:
        raise KeyboardInterrupt

    sides.source.on_read = interrupt
    with pytest.raises(KeyboardInterrupt):
        sides.reconciled()


def test_an_interrupt_stops_a_statement_of_the_comparison(given: Callable[..., LedgerAndLake]) -> None:
    sides = given(A, [])
    engines: list[DuckDBEngine] = []
    sides.on_listed = engines.append
    pressed = Pressed()
    sides.settle = lambda: pressed.execute(engines[0].connection)
    with pytest.raises(KeyboardInterrupt), pressed:
        sides.reconciled()


def test_the_pages_in_memory_are_limited_while_the_lake_is_read(
    given: Callable[..., LedgerAndLake], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the lake is read, at most WAITING_PAGES_MAX pages of the ledger are read, and one more per segment."""
    sides = given(history("a-1", *["1.00"] * 60), [])
    bound = 3
    reads, too_early = itertools.count(1), []
    is_at_bound, is_read = threading.Event(), threading.Event()
    read_lake = Comparison.read_lake

    def read_lake_slowly(comparison: Comparison, events: str) -> None:
        assert is_at_bound.wait(60)
        read_lake(comparison, events)
        is_read.set()

    def count(_part: object) -> None:
        number = next(reads)
        if number == bound + sides.segments:
            is_at_bound.set()
        if number > bound + sides.segments and not is_read.is_set():
            too_early.append(number)

    monkeypatch.setattr("ops.lake.reconcile.reconciler.WAITING_PAGES_MAX", bound)
    monkeypatch.setattr(Comparison, "read_lake", read_lake_slowly)
    sides.segments, sides.source.on_read, sides.settle = 1, count, lambda: None
    result, _ = sides.reconciled()
    assert result.missing == 61
    assert next(reads) > 2 * bound
    assert not too_early


def test_an_interrupt_ends_the_wait_for_read_capacity(given: Callable[..., LedgerAndLake]) -> None:
    """At a thousandth of a read unit per second, the next pages would take a quarter of an hour."""
    sides, stop = given([*A, *B], []), threading.Event()
    pace = ReadPace(0.001, time.monotonic, stop.wait)
    reading = pages(sides.source, pace, 0.0001, stop=stop.set)
    for _ in range(SEGMENTS):
        next(reading)
    reading.close()
    assert stop.is_set()
