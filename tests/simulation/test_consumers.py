"""The read model is the ledger's fold, whatever the stream repeats, whoever dies, whoever is overtaken."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.kit import inbox, memory_inbox
from consumers.kit.position import Position, Sorted
from tests.simulation.consumers import Story

STORIES = 500


@settings(max_examples=STORIES)
@given(st.integers(0, 2**32))
def test_a_story_ends_well(seed: int) -> None:
    Story(seed).play()


def _forgets_early(right: Callable[..., Sorted]) -> Callable[..., Sorted]:
    return lambda *args: replace(right(*args), early={})


def _keeps_duplicates(right: Callable[..., Sorted]) -> Callable[..., Sorted]:
    def wrong(position: Position, arrivals: Any, size: int) -> Sorted:  # noqa: ANN401 -- as the right one
        return right(replace(position, last=max(0, position.last - 1)), arrivals, size)

    return wrong


def _skips_gaps(right: Callable[..., Sorted]) -> Callable[..., Sorted]:
    def wrong(position: Position, arrivals: Any, size: int) -> Sorted:  # noqa: ANN401 -- as the right one
        todo = right(position, arrivals, size)
        events = [arrival.event for arrival in arrivals if arrival.event.sequence > position.last]
        return replace(todo, ready=todo.ready or events[:1], early={})

    return wrong


def _loses_what_is_held(right: Callable[..., Position]) -> Callable[..., Position]:
    return lambda before, last, early, now_s: right(replace(before, held={}), last, early, now_s)


def _calls_the_last_unsafe(_right: Callable[..., int]) -> Callable[..., int]:
    return lambda arrivals, _done: max(record for _, _, record in arrivals)


@pytest.mark.parametrize(
    ("name", "mutate"),
    [
        ("sort", _forgets_early),
        ("sort", _keeps_duplicates),
        ("sort", _skips_gaps),
        ("moved", _loses_what_is_held),
        ("_first_unsafe", _calls_the_last_unsafe),
    ],
)
def test_a_wrong_inbox_is_found_out(monkeypatch: pytest.MonkeyPatch, name: str, mutate: Callable[..., Any]) -> None:
    monkeypatch.setattr(inbox, name, mutate(getattr(inbox, name)))
    assert _is_found_out()


def test_a_store_that_does_not_look_at_the_revision_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.consumers.Overtaken", _Ignored)
    monkeypatch.setattr(memory_inbox, "Overtaken", _Ignored)
    assert _is_found_out()


class _Ignored(Exception):
    """What nobody understands as a lost race: the account fails instead."""


def _is_found_out() -> bool:
    for seed in range(STORIES):
        try:
            Story(seed).play()
        except (AssertionError, KeyError):
            return True
    return False
