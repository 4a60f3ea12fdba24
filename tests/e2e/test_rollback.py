"""A bad release is taken back as docs/operating.md describes: its code, its template, or a schema that it published."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

from account_events.avro.errors import UnknownFingerprint
from local_stack import address
from local_stack.local_deployment import STACK_NAME, LocalDeployment
from ops.cli.app import app
from ops.demo.demo import read_published
from ops.deployment.stack import Deployment
from ops.doctor.run import examine
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api, assert_no_findings, audited, credit_times
from tests.support.releases import NEW_FIELD, ROOT, Release
from tests.support.template_stack import Stack
from tests.support.waiting import await_condition

PREVIOUS = Release(ROOT)
SEEN_TIMEOUT_S = 60.0
DEFECT = {
    "projector/handler.py": (
        "    return _project(",
        '    raise RuntimeError("a defect of this release")\n    return _project(',
    )
}
LOST_PERMISSION = {"template.yaml": ("Action: kinesis:PutRecords", "Action: kinesis:PutRecord")}


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release to be edited, after the previous one, which is this checkout."""
    return Release.of_this_checkout(tmp_path / "release")


def kinds(deployment: LocalDeployment) -> set[str]:
    """The kinds of finding that `doctor` of the previous release reports."""
    found = examine(Deployment.local(deployment.address), None, grace_s=0, progress=lambda _: None)
    return {finding.kind for finding in found.findings}


def metric_of_alarm(deployment: LocalDeployment, alarm: str) -> float:
    """The sum of the metric of an alarm on the projector's function, in the last hour."""
    metric, now = Stack(STACK_NAME).properties(alarm), datetime.now(UTC)
    found = deployment.address.client("cloudwatch").get_metric_statistics(
        Namespace=metric["Namespace"],
        MetricName=metric["MetricName"],
        Dimensions=[{"Name": "FunctionName", "Value": deployment.address.outputs["ProjectorFunctionName"]}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def wait_until(condition: Callable[[], bool]) -> None:
    await_condition(condition, "the condition of the test", SEEN_TIMEOUT_S)


def assert_all_agree(deployment: LocalDeployment) -> None:
    """Nothing was given up, and the table, the read model and the lake have the same events, each counted once."""
    assert deployment.wait_until_idle(IDLE_TIMEOUT_S), deployment.mapping.status()
    assert [runner.status().totals.discarded for runner in deployment.mappings.values()] == [0, 0]
    with pytest.MonkeyPatch.context() as patched, TemporaryDirectory() as folder:
        patched.setattr(address, "ADDRESS_FILE", Path(folder) / "address.json")
        with deployment.address.published():
            for command in ("check", "owners check", "reconcile --grace-s 0"):
                done = CliRunner().invoke(app, command.split())
                assert done.exit_code == 0, (command, done.output, done.exception)
    wait_until(lambda: not kinds(deployment))  # a mapping that was started again has to report a poll first


def assert_published(deployment: LocalDeployment, account_id: str, events: int) -> None:
    """Every event is on the stream, in order, and what is repeated there is the same."""
    [found] = audited(deployment, account_id)
    assert_no_findings([found])
    assert found.published == [*range(1, events + 1)]


def test_code_that_fails_is_taken_back(own_deployment: LocalDeployment, release: Release) -> None:
    with Api(own_deployment) as api:
        account_id = api.open_account("10.00")
        assert own_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
        release.edit(DEFECT)
        release.deploy(own_deployment, ["ProjectorFunction"])
        credit_times(api, 10, account_id)
        wait_until(lambda: metric_of_alarm(own_deployment, "ProjectorFails") > 0)
        assert "events-not-published" in kinds(own_deployment)

        PREVIOUS.deploy(own_deployment)
        credit_times(api, 2, account_id)
    assert_published(own_deployment, account_id, 14)
    assert_all_agree(own_deployment)


def test_a_template_without_a_permission_is_taken_back(own_deployment: LocalDeployment, release: Release) -> None:
    with Api(own_deployment) as api:
        account_id = api.open_account("10.00")
        assert own_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
        release.edit(LOST_PERMISSION)
        release.deploy(own_deployment)
        credit_times(api, 10, account_id)
        wait_until(lambda: kinds(own_deployment) >= {"events-not-published", "permission-missing"})

        PREVIOUS.deploy(own_deployment)
        credit_times(api, 2, account_id)
    assert_published(own_deployment, account_id, 14)
    assert_all_agree(own_deployment)


def test_a_release_with_a_new_schema_is_taken_back_without_the_schema(
    own_deployment: LocalDeployment, release: Release
) -> None:
    """The previous code reads events that the bad release wrote, because the schema's file is kept.

    The read model and the lake are stopped in the meantime, so that it is the previous code that reads these events.
    """
    readers = own_deployment.mappings["AccountsByOwnerMapping"], own_deployment.firehose
    with Api(own_deployment) as api:
        account_id = api.open_account("10.00")
        assert own_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
        for reader in readers:
            reader.stop()
        release.edit(NEW_FIELD)
        release.command("schema", "publish", "BalanceCredited")
        release.python("-m", "tools.template")
        release.deploy(own_deployment, ["ProjectorFunction"])
        credit_times(api, 10, account_id)
        assert own_deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
        with pytest.raises(UnknownFingerprint):  # the previous release alone could not read them
            read_published(own_deployment, 12)

        release.copy_from(PREVIOUS.folder)
        release.python("-m", "tools.template")
        release.deploy(own_deployment, ["ProjectorFunction", "AccountsByOwnerFunction", "LakeTransformFunction"])
        for reader in readers:
            reader.start()
        credit_times(api, 2, account_id)
    assert_all_agree(own_deployment)
