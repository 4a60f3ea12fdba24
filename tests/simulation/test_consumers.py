"""The read model equals the fold of the ledger, despite repetitions, crashes and concurrent workers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from account_events.consumer import inbox
from account_events.consumer.position import Position, Sorted, moved
from tests.simulation.consumers import Scenario, Store
from tests.support.seeds import play_each, seeds_of

SEEDS, SEEDS_PER_TEST = seeds_of("consumers", 500), 100


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_every_scenario_keeps_every_promise(first: int) -> None:
    play_each(lambda seed: Scenario(seed).play(), "consumers", SEEDS[first : first + SEEDS_PER_TEST])


def _forgets_out_of_order_events(right: Callable[..., Sorted]) -> Callable[..., Sorted]:
    return lambda *args, **more: replace(right(*args, **more), out_of_order={})


def _keeps_duplicates(right: Callable[..., Sorted]) -> Callable[..., Sorted]:
    def wrong(position: Position, arrivals: Any, size: int, **more: Any) -> Sorted:  # noqa: ANN401 -- as the right one
        return right(replace(position, last=max(0, position.last - 1)), arrivals, size, **more)

    return wrong


def _skips_gaps(right: Callable[..., Sorted]) -> Callable[..., Sorted]:
    def wrong(position: Position, arrivals: Any, size: int, **more: Any) -> Sorted:  # noqa: ANN401 -- as the right one
        found = right(position, arrivals, size, **more)
        events = [arrival.event for arrival in arrivals if arrival.event.sequence > position.last]
        return replace(found, ready=found.ready or events[:1], out_of_order={})

    return wrong


def _loses_buffered_events(right: Callable[..., Position]) -> Callable[..., Position]:
    return lambda before, *args: right(replace(before, buffered={}), *args)


def _reports_the_last_unsafe(_right: Callable[..., int]) -> Callable[..., int]:
    return lambda arrivals, _done: max(record for _, _, record in arrivals)


@pytest.mark.parametrize(
    ("name", "mutate"),
    [
        ("sort", _forgets_out_of_order_events),
        ("sort", _keeps_duplicates),
        ("sort", _skips_gaps),
        ("moved", _loses_buffered_events),
        ("_first_unsafe", _reports_the_last_unsafe),
    ],
)
def test_a_faulty_inbox_is_detected(monkeypatch: pytest.MonkeyPatch, name: str, mutate: Callable[..., Any]) -> None:
    monkeypatch.setattr(inbox, name, mutate(getattr(inbox, name)))
    assert _is_detected()


def _forgets_seen_events(right: Callable[..., Position]) -> Callable[..., Position]:
    return lambda before, last, out_of_order, _seen, now_s: right(before, last, out_of_order, 0, now_s)


def test_an_inbox_that_forgets_missing_events_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "moved", _forgets_seen_events(moved))
    assert _is_detected()


def test_a_store_that_ignores_the_revision_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store replaces a position without comparing the revision."""

    def wrong(self: Store, account_id: str, _before: Position, after: Position, effect: Any) -> None:  # noqa: ANN401
        self.before()
        if effect:
            self._carry_out(account_id, effect)
        self._positions[account_id] = after
        self.after()

    monkeypatch.setattr(Store, "advance", wrong)
    assert _is_detected()


def test_the_scenarios_cover_every_kind_of_event() -> None:
    scenarios = [Scenario(seed) for seed in range(200)]  # fixed seeds, so that every run covers all of them
    for scenario in scenarios:
        scenario.play()
    for count in ("seen_gaps", "seen_full", "seen_refusals", "seen_not_attempted", "seen_late_calls"):
        assert sum(getattr(scenario, count) > 0 for scenario in scenarios) > 10, count
    assert sum(bool(scenario.dead_letter) for scenario in scenarios) > 10


def _is_detected() -> bool:
    """Whether a scenario of fixed seeds fails. With fresh seeds, the result would depend on chance."""
    for seed in range(len(SEEDS)):
        try:
            Scenario(seed).play()
        except (AssertionError, KeyError, IndexError):
            return True
    return False
