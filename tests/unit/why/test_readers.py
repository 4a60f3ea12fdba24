"""Sources are read at the same time, and an interruption ends their threads."""

import threading

import pytest

from ops.lake.query.engine import QueryFailed
from ops.why.readers import THREADS, Readers

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


def test_an_interruption_does_not_wait_for_a_request_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.why.readers.ENDS_WITHIN_S", 0.01)
    begun, answered, ended = threading.Event(), threading.Event(), threading.Event()

    def hanging() -> None:
        begun.set()
        assert answered.wait(DEADLINE_S)
        assert threading.current_thread().daemon
        ended.set()

    def interrupted() -> None:
        with Readers(lambda _: None) as readers:
            readers.start("a", hanging, None)
            assert begun.wait(DEADLINE_S)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not ended.is_set()
    answered.set()
    assert ended.wait(DEADLINE_S)


def test_a_limited_number_of_sources_is_read_at_the_same_time() -> None:
    together, lock, running, most = threading.Barrier(THREADS), threading.Lock(), [0], [0]

    def counted() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait(DEADLINE_S)
        with lock:
            running[0] -= 1

    with Readers(lambda _: None) as readers:
        for result in [readers.start(f"{number}", counted, None) for number in range(3 * THREADS)]:
            result()
    assert most[0] == THREADS
    assert readers.problems == {}
