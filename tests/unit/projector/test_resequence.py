"""Any arrivals of an account, in any order, end up in sequence and without gaps."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.errors import Unavailable
from projector.last_published import Span
from projector.outgoing import Arrival, Outgoing, Poison
from projector.resequence import is_in_sequence, resequence


def event(sequence: int, position: int = 0) -> Outgoing:
    return Outgoing("a", sequence, 0, f"{sequence}".encode(), position)


def poison(sequence: int, position: int = 0) -> Poison:
    return Poison("a", sequence, sequence, "no reason", position)


def table(*bad: int) -> "Table":
    return Table(set(bad))


class Table:
    """A table with every event; the events in `bad` can never be published."""

    def __init__(self, bad: set[int]) -> None:
        self._bad = bad
        self.reads: list[tuple[int, int]] = []

    def __call__(self, account_id: str, first: int, last: int, position: int) -> Iterable[Arrival]:
        assert account_id == "a"
        self.reads.append((first, last))
        for sequence in range(first, last + 1):
            yield poison(sequence, position) if sequence in self._bad else event(sequence, position)
            if sequence in self._bad:
                return


def sequences(events: Iterable[Arrival]) -> list[int]:
    return [one.sequence for one in events]


def test_the_next_events_are_in_sequence() -> None:
    assert is_in_sequence([event(4), event(5)], 3)
    assert is_in_sequence([event(1), event(2)], None)
    others: list[tuple[list[Arrival], int | None]] = [
        ([event(5)], 3),
        ([event(3)], 3),
        ([event(4), event(6)], 3),
        ([event(2), event(1)], None),
        ([event(4)], None),
        ([event(4), event(4)], 3),
        ([poison(4)], 3),
    ]
    for arrivals, published in others:
        assert not is_in_sequence(arrivals, published)


spans = st.tuples(st.integers(1, 12), st.integers(0, 11)).map(lambda two: Span(two[0], two[0] + two[1]))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.none() | spans)
def test_any_arrivals_continue_the_published_events_without_a_gap(numbers: list[int], published: Span | None) -> None:
    arrivals = [event(number, position) for position, number in enumerate(numbers)]
    reads = table()
    result = resequence(arrivals, published, reads)
    is_known = published is not None and min(numbers) >= published.first
    first = published.last + 1 if published is not None and is_known else min(numbers)
    assert sequences(result.events) == list(range(first, max(numbers) + 1))
    assert result.filled == len(set(range(first, max(numbers) + 1)) - set(numbers))
    assert (result.poison, result.behind) == (None, [])
    assert reads.reads == [] or not is_in_sequence(arrivals, published and published.last)


def test_events_before_the_known_span_are_published_out_of_order() -> None:
    reads = table()
    result = resequence([event(7, 0), event(2, 1), event(2, 2), event(5, 3)], Span(5, 6), reads)
    assert [(one.sequence, one.position) for one in result.events] == [(2, 1), (3, 3), (4, 3), (5, 3), (6, 0), (7, 0)]
    assert reads.reads == [(3, 4), (6, 6)]
    assert sequences(resequence([event(2)], Span(5, 6), reads).events) == [2]
    assert resequence([poison(2, 0), event(7, 1)], Span(5, 6), reads).poison == poison(2, 0)


def test_each_gap_is_read_once() -> None:
    reads = table()
    result = resequence([event(5, 1), event(9, 2)], Span(1, 2), reads)
    assert reads.reads == [(3, 4), (6, 8)]
    assert [(one.sequence, one.position) for one in result.events] == [
        *((3, 1), (4, 1), (5, 1)),
        *((6, 2), (7, 2), (8, 2), (9, 2)),
    ]
    assert result.filled == 5


def test_events_end_before_a_poison() -> None:
    result = resequence([event(4, 0), poison(5, 1), event(6, 2)], Span(1, 3), table())
    assert (sequences(result.events), result.poison) == ([4], poison(5, 1))
    assert sequences(result.behind) == [5, 6]


def test_events_end_before_a_poison_in_the_table() -> None:
    result = resequence([event(4, 0), event(8, 1), event(9, 2)], Span(1, 3), table(6))
    assert (sequences(result.events), result.poison) == ([4, 5], poison(6, 1))
    assert sequences(result.behind) == [8, 9]
    assert result.filled == 1


def test_a_poison_among_published_events_is_ignored() -> None:
    result = resequence([poison(3, 0), event(4, 1)], Span(1, 3), table())
    assert (sequences(result.events), result.poison) == ([4], None)


def test_events_end_at_a_gap_that_cannot_be_read() -> None:
    def down(*_: object) -> Iterable[Arrival]:
        raise Unavailable("ThrottlingException")

    result = resequence([event(4, 0), event(6, 1), event(7, 2)], Span(1, 3), down)
    assert (sequences(result.events), result.poison, result.failure) == ([4], None, "ThrottlingException")
    assert sequences(result.behind) == [6, 7]


@pytest.mark.parametrize("position", [0, 1])
def test_the_first_of_repeated_events_is_used(position: int) -> None:
    result = resequence([event(4, position), event(4, 1 - position)], Span(1, 3), table())
    assert [one.position for one in result.events] == [0]


@pytest.mark.parametrize("published", [None, Span(1, 3), Span(5, 6)])
def test_a_stray_row_always_stops_its_account(published: Span | None) -> None:
    stray = Poison("a", 1, 0, "no version", 1)
    reads = table()
    result = resequence([event(1, 0), stray, event(7, 2)], published, reads)
    assert result.poison == stray
    assert reads.reads == [], "no event is missing, and DynamoDB refuses an empty range"
    assert sequences(result.behind) == [1, 7]
    assert set(sequences(result.events)) <= {1}
