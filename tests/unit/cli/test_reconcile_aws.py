"""`reconcile --engine aws` shows the phases of the state machine, and an interruption names what goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.cli import reconcile_aws
from ops.cli.reconcile_aws import result_on_aws
from ops.lake.reconcile.result import ReconciliationResult
from ops.lake.reconcile.state_machine import Progress

NOW = datetime(2026, 11, 30, 1, tzinfo=UTC)
ARN = "arn:aws:states:eu-central-1:123456789012:execution:bank:2026-11-30T01-00-00Z"
RESULT = ReconciliationResult(NOW, NOW, 9, 3)
EXPORTING = Progress(ARN, joined=False, phase="exporting", since=NOW)
COMPARING = Progress(ARN, joined=False, phase="comparing", since=NOW + timedelta(minutes=11))

Running = Callable[..., None]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    """Let the state machine report this, and then raise this error."""

    def of(*reported: Progress, error: BaseException | None = None) -> None:
        def reconciled(_lake: object, *, progress: Callable[[Progress], None], **_: object) -> ReconciliationResult:
            for each in reported:
                progress(each)
            if error is not None:
                raise error
            return RESULT

        monkeypatch.setattr(reconcile_aws, "reconciled_on_aws", reconciled)

    return of


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")


LAKE: Any = None
"""The state machine of these tests does not use it."""


def test_each_phase_is_printed_once(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running(EXPORTING, EXPORTING, COMPARING, COMPARING)
    assert result_on_aws(LAKE) == RESULT
    assert capsys.readouterr().err.splitlines() == [
        f"started the reconciliation {ARN}",
        "01:00:00 UTC: exporting",
        "01:11:00 UTC: comparing",
    ]


def test_it_states_that_it_watches_a_running_one(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running(Progress(ARN, joined=True, phase="exporting", since=NOW))
    result_on_aws(LAKE)
    assert capsys.readouterr().err.startswith(f"watching the running reconciliation {ARN}\n")


def test_an_interruption_names_how_to_watch_and_how_to_stop(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running(EXPORTING, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        result_on_aws(LAKE)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "interrupted: the reconciliation goes on; run the command again to watch it, or stop it with "
        f"`aws stepfunctions stop-execution --execution-arn {ARN}`"
    )


def test_an_interruption_before_the_first_report_names_no_execution(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        result_on_aws(LAKE)
    assert capsys.readouterr().err == ("interrupted: the reconciliation goes on; run the command again to watch it\n")
