"""Runs of `doctor` for the page: one at a time, and what each finds stays until the next has ended."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ops.console.doctor_runs import FINDINGS_MAX, DoctorRuns
from ops.doctor.finding import INCOMPLETE, Finding
from ops.doctor.run import Examination

FINDING = Finding("account-parked", "a", "one is parked", "why", "account-events release --all", "projectorparks")


class Runs:
    """Runs whose examinations wait until the test lets them go on."""

    def __init__(self) -> None:
        self.reports: list[Mapping[str, Any]] = []
        self.now_s = 1_000.0
        self.examine: Callable[[], Examination] = lambda: Examination([FINDING], [])
        self.go_on, self.begun = threading.Event(), threading.Semaphore(0)
        self.runs = DoctorRuns(self._examined, self.reports.append, lambda: self.now_s)

    def finish(self) -> Mapping[str, Any]:
        """Let the run end; return the last report."""
        assert self.begun.acquire(timeout=10)
        self.go_on.set()
        self.runs.stop()
        self.go_on.clear()
        return self.reports[-1]

    def _examined(self) -> Examination:
        self.begun.release()
        assert self.go_on.wait(10)
        return self.examine()


@pytest.fixture
def runs() -> Runs:
    return Runs()


def test_a_run_is_reported_at_its_start_and_its_end(runs: Runs) -> None:
    runs.runs.start()
    found = runs.finish()
    assert runs.reports[0] == {"at": None, "is_running": True, "findings": [], "incomplete": []}
    assert (found["is_running"], found["incomplete"]) == (False, [])
    assert found["findings"][0]["repair"] == "account-events release --all"
    assert found["at"] == "1970-01-01T00:16:40.000000Z"


def test_a_second_run_begins_only_after_the_first(runs: Runs) -> None:
    runs.runs.start()
    runs.runs.start()
    runs.finish()
    assert [each["is_running"] for each in runs.reports] == [True, False]


def test_a_run_begins_by_itself_if_the_last_one_is_old(runs: Runs) -> None:
    runs.runs.start_if_older(60)
    runs.finish()
    runs.now_s += 59
    runs.runs.start_if_older(60)
    assert len(runs.reports) == 2
    runs.now_s += 1
    runs.runs.start_if_older(60)
    runs.finish()
    assert len(runs.reports) == 4
    assert runs.reports[2]["findings"] == runs.reports[1]["findings"]


def test_a_check_that_could_not_be_completed_is_listed_apart(runs: Runs) -> None:
    incomplete = INCOMPLETE.at("lake", "The check of lake could not be completed: no.", "account-events doctor")
    runs.examine = lambda: Examination([FINDING, incomplete], [])
    runs.runs.start()
    found = runs.finish()
    assert (len(found["findings"]), found["incomplete"]) == (1, [incomplete.what])


def test_a_run_that_fails_keeps_the_findings_before_it(runs: Runs) -> None:
    runs.runs.start()
    before = runs.finish()

    def fails() -> Examination:
        raise RuntimeError("no stack")

    runs.examine = fails
    runs.runs.start()
    found = runs.finish()
    assert found["findings"] == before["findings"]
    assert found["incomplete"] == ["all checks: RuntimeError: no stack"]


def test_findings_are_bounded(runs: Runs) -> None:
    runs.examine = lambda: Examination([FINDING] * 500, [])
    runs.runs.start()
    assert len(runs.finish()["findings"]) == FINDINGS_MAX
