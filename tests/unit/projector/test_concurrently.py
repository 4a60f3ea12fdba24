"""Several pieces of work at once, and none left over."""

import threading

import pytest

from projector.concurrently import CALLS_MAX, Beside, Concurrent
from projector.errors import Unavailable

TIMEOUT_S = 10.0


def test_they_go_on_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=TIMEOUT_S)
    result, here = Beside()(both.wait, both.wait)
    assert {result(), here} == {0, 1}


def test_what_goes_wrong_there_is_told_where_its_result_is_asked_for() -> None:
    def fail() -> None:
        raise Unavailable("ThrottlingException")

    result, here = Beside()(fail, lambda: "done")
    assert here == "done"
    with pytest.raises(Unavailable, match="ThrottlingException"):
        result()


@pytest.mark.parametrize("is_wrong_here", [False, True])
def test_when_it_ends_both_have_ended(*, is_wrong_here: bool) -> None:
    begun, ended = threading.Event(), list[str]()

    def there() -> None:
        assert begun.wait(TIMEOUT_S)
        ended.append("there")

    def here() -> None:
        begun.set()
        if is_wrong_here:
            raise LookupError

    beside = Beside()
    if is_wrong_here:
        with pytest.raises(LookupError):
            beside(there, here)
    else:
        beside(there, here)
    assert ended == ["there"]


def test_several_calls_wait_at_the_same_time_and_answer_in_order() -> None:
    all_of_them = threading.Barrier(CALLS_MAX, timeout=TIMEOUT_S)

    def call(item: int) -> int:
        all_of_them.wait()
        return 2 * item

    assert Concurrent()(call, range(CALLS_MAX)) == [2 * item for item in range(CALLS_MAX)]


def test_a_single_call_takes_no_thread() -> None:
    concurrent = Concurrent()
    assert concurrent(lambda _: threading.current_thread(), [None]) == [threading.current_thread()]
    assert concurrent(lambda _: threading.current_thread(), []) == []


def test_when_one_call_fails_the_others_have_ended() -> None:
    failed, ended = threading.Event(), list[int]()

    def call(item: int) -> None:
        if item == 0:
            failed.set()
            raise LookupError
        assert failed.wait(TIMEOUT_S)
        ended.append(item)

    with pytest.raises(LookupError):
        Concurrent()(call, range(3))
    assert sorted(ended) == [1, 2]
