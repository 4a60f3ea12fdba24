"""A stopped mapping or delivery."""

import pytest

from local_stack.faults.errors import FaultRefused
from local_stack.faults.stops import Stopped


class Runner:
    def __init__(self) -> None:
        self.is_running, self.has_ended = True, True

    def start(self) -> None:
        assert self.has_ended
        self.is_running = True

    def stop(self, timeout_s: float = 0.0) -> bool:
        assert timeout_s >= 0
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


def test_a_runner_that_somebody_started_again_is_left_alone(runner: Runner, stopped: Stopped) -> None:
    stopped.begin({})
    runner.is_running, runner.has_ended = True, False
    stopped.end()
    assert runner.is_running


def test_a_last_invocation_that_has_not_ended_is_waited_for(runner: Runner, stopped: Stopped) -> None:
    runner.has_ended = False
    stopped.begin({})
    with pytest.raises(FaultRefused, match="Try again"):
        stopped.end()
    runner.has_ended = True
    stopped.end()
    assert runner.is_running
