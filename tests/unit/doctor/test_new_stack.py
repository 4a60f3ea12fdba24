"""A stack that was deployed just now: what has had no time to work yet is no finding, and later it is one."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.aws_stack import AwsStack
from tests.support.template_metrics import ALARMS, COMPOSITES, inputs_of
from tests.unit.doctor.examined import Doctor, found, kinds

BREACHING = {name for name, each in ALARMS.items() if each["Properties"].get("TreatMissingData") == "breaching"}


def idle(root: Path, age: timedelta, newest: timedelta) -> AwsStack:
    """A stack in which nothing has worked since it was created, except that the API stored events."""
    stack = AwsStack(root, age, newest)
    for each in root.iterdir():
        shutil.rmtree(each)
    stack.polls = False
    stack.views.clear()
    stack.lagging = set(stack.rows)
    stack.firing = {*BREACHING, *COMPOSITES}
    return stack


@pytest.mark.parametrize("minutes", [1, 14])
def test_a_new_stack_has_no_finding(tmp_path: Path, doctor: Doctor, minutes: int) -> None:
    assert len(BREACHING) > 5
    age = timedelta(minutes=minutes)
    done = doctor(idle(tmp_path, age, age / 2))
    assert found(done) == []
    assert done.exit_code == 0


def test_the_same_state_is_a_fault_later(tmp_path: Path, doctor: Doctor) -> None:
    done = doctor(idle(tmp_path, timedelta(days=3), timedelta(minutes=14)))
    expected = {
        *("alarm-firing", "events-not-published", "job-code-missing", "lake-view-missing", "mapping-not-polling"),
        "reconciliation-missing",
    }
    assert set(kinds(done)) == expected
    inputs = {each for composite in COMPOSITES for each in inputs_of(composite)}
    firing = {each["where"] for each in found(done) if each["kind"] == "alarm-firing"}
    assert firing == {*BREACHING, *COMPOSITES} - inputs


@pytest.mark.parametrize(
    ("alarm", "quiet_for"),
    [
        ("ProjectorStopped", timedelta(minutes=15)),
        ("AccountsByOwnerWaits", timedelta(minutes=15)),
        ("LakeStopped", timedelta(minutes=30)),
        ("NothingPublished", timedelta(minutes=30)),
        ("LakeTotalsMissing", timedelta(hours=3)),
        ("ReconciliationMissing", timedelta(hours=26)),
    ],
)
@pytest.mark.parametrize("is_updated", [False, True])
def test_an_alarm_on_missing_data_is_quiet_for_its_window(
    tmp_path: Path, doctor: Doctor, alarm: str, quiet_for: timedelta, *, is_updated: bool
) -> None:
    """The window begins when the alarm was created, which may be by an update of an old stack."""
    minute = timedelta(minutes=1)
    for age, expected in ((quiet_for - minute, []), (quiet_for + minute, [alarm])):
        stack = AwsStack(tmp_path / f"{age.total_seconds()}", age=timedelta(days=30) if is_updated else age)
        stack.firing = {alarm}
        stack.alarms_created_at = stack.now - age
        assert [each["where"] for each in found(doctor(stack)) if each["kind"] == "alarm-firing"] == expected


def test_an_alarm_that_has_data_is_a_finding_from_the_first_minute(tmp_path: Path, doctor: Doctor) -> None:
    stack = AwsStack(tmp_path, age=timedelta(minutes=1))
    stack.firing = {"ApiFails"}
    assert kinds(doctor(stack)) == ["alarm-firing"]
