"""A stopped mapping or delivery."""

import pytest

from local_stack.faults.errors import FaultRefused
from local_stack.faults.stops import Stopped


class Runner:
    def __init__(self) -> None:
        self.is_running, self.has_ended = True, True

    def resume(self) -> None:
        self.is_running = True

    def stop(self) -> bool:
        self.is_running = False
        return self.has_ended


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def stopped(runner: Runner) -> Stopped:
    return Stopped(lambda: runner, lambda: runner.is_running)


def test_a_runner_stops_and_continues(runner: Runner, stopped: Stopped) -> None:
    stopped.begin({})
    assert not runner.is_running
    stopped.end()
    assert runner.is_running


def test_a_runner_that_does_not_run_is_refused(runner: Runner, stopped: Stopped) -> None:
    runner.is_running = False
    with pytest.raises(FaultRefused, match="does not run"):
        stopped.begin({})


def test_a_last_invocation_that_has_not_ended_is_not_waited_for(runner: Runner, stopped: Stopped) -> None:
    runner.has_ended = False
    stopped.begin({})
    assert not runner.is_running
    stopped.end()
    assert runner.is_running
