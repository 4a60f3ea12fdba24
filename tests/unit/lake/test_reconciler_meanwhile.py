"""What is written, what arrives and what ends while ledger and lake are compared."""

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
from tests.support.ledger_and_lake import START, history, lake_rows
from tests.unit.lake.compared import A, B, Given, without
from tests.unit.lake.test_duckdb_engine import ENDLESS, pressed


def test_events_that_arrive_before_the_second_read_are_not_missing(given: Callable[..., Given]) -> None:
    rows = lake_rows(A)
    at = given(A, without(rows, "a-1", 2, 5))
    later = lake_rows(history("a-9", "1.00", start=START))
    at.settle = lambda: at.add([*(row for row in rows if row["sequence"] == 5), *later])
    result, found = at.reconciled()
    assert found == [Finding("missing", "a-1", 2, "a-1:2")]
    assert result.extra == 0, "what the lake got after the ledger was read is not held against it"


def test_the_very_first_event_may_arrive_before_the_second_read(given: Callable[..., Given]) -> None:
    at = given(B, [])
    at.settle = lambda: at.add(lake_rows(B))
    result, _ = at.reconciled()
    assert result.agrees


def test_an_event_written_meanwhile_is_not_a_finding(given: Callable[..., Given]) -> None:
    """It comes into both behind the reading of the lake, and is young."""
    at = given(A, lake_rows(A))
    at.now = START + timedelta(hours=13, minutes=30)
    young = history("a-3", start=at.now)
    once: list[None] = []

    def write_it(_part: object) -> None:
        if not once:
            once.append(None)
            at.source.put(young)
            at.add(lake_rows(young))

    at.source.on_read = write_it
    result, found = at.reconciled()
    assert not found
    assert result.on_their_way == 1


def test_a_file_that_arrives_after_the_listing_is_ignored(given: Callable[..., Given]) -> None:
    """Whatever its events' age: the ledger may have been read past them."""
    at = given(B, lake_rows(B))
    old, looks = lake_rows(history("a-9", "1.00", start=START)), []

    def arrives(engine: DuckDBEngine) -> None:
        at.add(old)
        looks.append(engine.query("SELECT count(*) FROM account_events").rows)

    at.listed = arrives
    result, found = at.reconciled()
    assert looks == [[(len(B) + len(old),)]], "it is there"
    assert not found
    assert result.agrees


def test_an_interrupt_stops_reading_the_lake(given: Callable[..., Given]) -> None:
    """Which would take years, here."""
    at = given(A, lake_rows(A))
    is_endless = "(SELECT count(*) FROM range(10000000000) a (n), range(1000000) b (n) WHERE a.n * b.n % 7 = 3) > 0"

    def never_ends(engine: DuckDBEngine) -> None:
        engine.listed_events = f"SELECT * FROM account_events WHERE {is_endless}"  # noqa: S608

    at.listed = never_ends

    def interrupt(_part: object) -> None:
        raise KeyboardInterrupt

    at.source.on_read = interrupt
    with pytest.raises(KeyboardInterrupt):
        at.reconciled()


def test_an_interrupt_stops_a_statement_of_the_comparison(given: Callable[..., Given]) -> None:
    at = given(A, [])
    engines: list[DuckDBEngine] = []
    at.listed = engines.append
    at.settle = lambda: engines[0].connection.execute(ENDLESS)
    with pytest.raises(KeyboardInterrupt), pressed():
        at.reconciled()


def test_a_slow_lake_limits_the_pages_in_memory(given: Callable[..., Given], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages are read to a bound, and one more of each segment, until the lake is there."""
    at = given(history("a-1", *["1.00"] * 60), [])
    bound = 3
    reads, too_early = itertools.count(1), []
    is_at_bound, is_read = threading.Event(), threading.Event()
    read_lake = Comparison.read_lake

    def slowly(comparison: Comparison, events: str) -> None:
        assert is_at_bound.wait(60)
        read_lake(comparison, events)
        is_read.set()

    def count(_part: object) -> None:
        number = next(reads)
        if number == bound + at.segments:
            is_at_bound.set()
        if number > bound + at.segments and not is_read.is_set():
            too_early.append(number)

    monkeypatch.setattr("ops.lake.reconcile.reconciler.WAITING_PAGES_MAX", bound)
    monkeypatch.setattr(Comparison, "read_lake", slowly)
    at.segments, at.source.on_read, at.settle = 1, count, lambda: None
    result, _ = at.reconciled()
    assert result.missing == 61
    assert next(reads) > 2 * bound
    assert not too_early


def test_an_interrupt_ends_waiting_for_the_pace(given: Callable[..., Given]) -> None:
    """At a thousandth of a read unit a second, the next pages are a quarter of an hour away."""
    at, stop = given([*A, *B], []), threading.Event()
    pace = ReadPace(0.001, time.monotonic, stop.wait)
    reading = pages(at.source, pace, 0.0001, stop=stop.set)
    for _ in range(SEGMENTS):
        next(reading)
    reading.close()
    assert stop.is_set()
