"""An account's arrivals, whatever came in whatever order, in sequence and without holes."""

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
    """Has every event; the bad ones can never be published."""

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


def test_the_next_events_in_order_need_nothing() -> None:
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
def test_whatever_comes_the_line_goes_on_from_what_is_published_without_a_hole(
    numbers: list[int], published: Span | None
) -> None:
    arrivals = [event(number, position) for position, number in enumerate(numbers)]
    reads = table()
    line = resequence(arrivals, published, reads)
    is_known = published is not None and min(numbers) >= published.first
    first = published.last + 1 if published is not None and is_known else min(numbers)
    assert sequences(line.events) == list(range(first, max(numbers) + 1))
    assert line.filled == len(set(range(first, max(numbers) + 1)) - set(numbers))
    assert (line.poison, line.behind) == (None, [])
    assert is_in_sequence(arrivals, published and published.last) <= (reads.reads == [])


def test_what_comes_from_before_the_environment_s_time_is_published_out_of_its_turn_and_never_lost() -> None:
    reads = table()
    line = resequence([event(7, 0), event(2, 1), event(2, 2), event(5, 3)], Span(5, 6), reads)
    assert [(one.sequence, one.position) for one in line.events] == [(2, 1), (3, 3), (4, 3), (5, 3), (6, 0), (7, 0)]
    assert reads.reads == [(3, 4), (6, 6)]
    assert sequences(resequence([event(2)], Span(5, 6), reads).events) == [2]
    assert resequence([poison(2, 0), event(7, 1)], Span(5, 6), reads).poison == poison(2, 0)


def test_what_is_missing_is_read_once_for_each_hole() -> None:
    reads = table()
    line = resequence([event(5, 1), event(9, 2)], Span(1, 2), reads)
    assert reads.reads == [(3, 4), (6, 8)]
    assert [(one.sequence, one.position) for one in line.events] == [
        *((3, 1), (4, 1), (5, 1)),
        *((6, 2), (7, 2), (8, 2), (9, 2)),
    ]
    assert line.filled == 5


def test_at_a_poison_the_line_stops() -> None:
    line = resequence([event(4, 0), poison(5, 1), event(6, 2)], Span(1, 3), table())
    assert (sequences(line.events), line.poison) == ([4], poison(5, 1))
    assert sequences(line.behind) == [5, 6]


def test_at_a_poison_in_the_table_the_line_stops_in_front_of_the_record_that_showed_it() -> None:
    line = resequence([event(4, 0), event(8, 1), event(9, 2)], Span(1, 3), table(6))
    assert (sequences(line.events), line.poison) == ([4, 5], poison(6, 1))
    assert sequences(line.behind) == [8, 9]
    assert line.filled == 1


def test_a_poison_that_is_published_already_is_none() -> None:
    line = resequence([poison(3, 0), event(4, 1)], Span(1, 3), table())
    assert (sequences(line.events), line.poison) == ([4], None)


def test_where_the_table_cannot_be_read_the_line_stops_for_now() -> None:
    def down(*_: object) -> Iterable[Arrival]:
        raise Unavailable("ThrottlingException")

    line = resequence([event(4, 0), event(6, 1), event(7, 2)], Span(1, 3), down)
    assert (sequences(line.events), line.poison, line.failure) == ([4], None, "ThrottlingException")
    assert sequences(line.behind) == [6, 7]


@pytest.mark.parametrize("position", [0, 1])
def test_of_an_event_that_came_twice_the_first_counts(position: int) -> None:
    line = resequence([event(4, position), event(4, 1 - position)], Span(1, 3), table())
    assert [one.position for one in line.events] == [0]


@pytest.mark.parametrize("published", [None, Span(1, 3), Span(5, 6)])
def test_a_stray_row_stops_the_line_whatever_is_published(published: Span | None) -> None:
    stray = Poison("a", 1, 0, "no version", 1)
    reads = table()
    line = resequence([event(1, 0), stray, event(7, 2)], published, reads)
    assert line.poison == stray
    assert reads.reads == [], "there is nothing to read, and DynamoDB refuses a range that ends before it begins"
    assert sequences(line.behind) == [1, 7]
    assert set(sequences(line.events)) <= {1}
