"""A thread that runs poll cycles: it stops, and goes on."""

import threading
from collections.abc import Iterator

import pytest

from local_stack.poll_loop import PollCycle, PollLoop

PATIENCE_S = 30.0


class Work:
    """A cycle that a test can hold up."""

    def __init__(self) -> None:
        self.is_held_up, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def __call__(self, _is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as PollLoop calls it
        while not self.may_end.is_set():
            self.is_held_up.set()
            assert self.may_end.wait(PATIENCE_S)
        return PollCycle(0.01, is_idle=True)

    def hold_up(self) -> None:
        """Return when a cycle is in progress that does not end."""
        self.may_end.clear()
        assert self.is_held_up.wait(PATIENCE_S)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def loop(work: Work) -> Iterator[PollLoop]:
    loop = PollLoop("test", work)
    loop.start()
    yield loop
    work.may_end.set()
    assert loop.stop(PATIENCE_S)


def test_a_loop_that_has_stopped_runs_again(loop: PollLoop) -> None:
    assert loop.stop(PATIENCE_S)
    assert not loop.is_running()
    loop.resume()
    assert loop.wait_until_idle(PATIENCE_S)


def test_a_loop_whose_last_cycle_has_not_ended_goes_on(loop: PollLoop, work: Work) -> None:
    work.hold_up()
    assert not loop.stop(0.0)
    loop.resume()
    assert loop.is_running()
    work.may_end.set()
    assert loop.wait_until_idle(PATIENCE_S)


def test_a_loop_that_ended_after_its_stop_was_awaited_runs_again(loop: PollLoop, work: Work) -> None:
    work.hold_up()
    assert not loop.stop(0.0)
    work.may_end.set()
    assert not loop.wait_until_idle(PATIENCE_S)  # it returns when the loop has ended
    loop.resume()
    assert loop.wait_until_idle(PATIENCE_S)
