"""Names that somebody else has chosen are only arguments in the commands that `doctor` prints."""

import shlex
import threading
from datetime import timedelta

import pytest

from ops.deployment.stack import Deployment, Outputs
from ops.doctor import run
from tests.support.aws_stack import AwsStack
from tests.support.lake import put
from tests.support.ledger_and_lake import history
from tests.unit.doctor.examined import Doctor, found

NAME = "a b; $(touch x)"


def test_the_key_of_a_stray_file_is_one_argument(healthy: AwsStack, doctor: Doctor) -> None:
    key = f"events/{NAME}"
    put(healthy.root / key, b"x")
    try:
        [finding] = found(doctor(healthy))
    finally:
        (healthy.root / key).unlink()
    bucket = healthy.names["Lake"]
    assert shlex.split(finding["repair"]) == ["aws", "s3", "mv", f"s3://{bucket}/{key}", f"s3://{bucket}/stray/{key}"]


def test_the_id_of_an_account_is_one_argument(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = healthy.now - timedelta(hours=5)
    monkeypatch.setattr(healthy, "rows", {NAME: history(NAME, "5.00", "-1.00", start=start)})
    monkeypatch.setattr(healthy, "lagging", {NAME})
    [finding] = found(doctor(healthy))
    assert NAME in shlex.split(finding["repair"])


def test_an_interruption_does_not_wait_for_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check may wait for AWS for minutes."""
    begun, end, ended_by_test = threading.Event(), threading.Event(), []

    def endless(_view: object) -> list[object]:
        begun.set()
        ended_by_test.append(end.wait(5))
        return []

    def interrupted(_name: str) -> None:
        assert begun.wait(5)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "CHECKS", {"quick": lambda _view: iter(()), "endless": endless})
    deployment = Deployment(Outputs({}))
    monkeypatch.setattr(run, "stack_view", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        run.examine(deployment, "bank", grace_s=0, progress=interrupted)
    assert not ended_by_test
    end.set()
