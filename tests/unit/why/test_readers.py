"""Sources are read at the same time, and an interruption ends their threads."""

import threading

import pytest

from ops.lake.query.engine import QueryFailed
from ops.why.readers import Readers

DEADLINE_S = 30.0


def test_a_source_that_fails_has_its_default_and_a_problem_in_one_line() -> None:
    def failing() -> int:
        raise QueryFailed("Athena:\n  no.")

    read: list[str] = []
    with Readers(read.append) as readers:
        results = [readers.start("a", failing, 7), readers.start("b", lambda: 1, 0)]
        assert [result() for result in results] == [7, 1]
        assert readers.now("c", failing, 8) == 8
    assert readers.problems == {"a": "QueryFailed: Athena: no", "c": "QueryFailed: Athena: no"}
    assert sorted(read) == ["a", "b", "c"]


def test_an_interruption_stops_the_threads_at_their_next_request() -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless() -> None:
        begun.set()
        try:
            while True:
                readers.wait(DEADLINE_S)
        finally:
            ended.set()

    def interrupted() -> None:
        with readers:
            readers.start("a", endless, None)
            assert begun.wait(DEADLINE_S)
            raise KeyboardInterrupt

    readers = Readers(lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended.is_set()
    assert readers.problems == {}
