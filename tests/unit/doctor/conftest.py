"""`account-events doctor` on a stack on AWS without AWS."""

from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from ops.doctor import published, run
from ops.doctor.checks import sample
from ops.lake.deployed_lake import Lake
from tests.support.aws_stack import TEMPLATE, AwsStack
from tests.unit.doctor.examined import Doctor


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> AwsStack:
    """A stack that the tests of a module share: they undo what they change."""
    return AwsStack(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(run, "read_template", TEMPLATE)
    for each in (published, sample):
        monkeypatch.setattr(each, "PAUSE_S", 0.0)

    def invoked(stack: AwsStack) -> Any:  # noqa: ANN401 -- click's result
        monkeypatch.setattr(boto3, "client", stack.client)
        monkeypatch.setattr(Lake, "duckdb", lambda _lake, day=None: stack.engine(day))
        return CliRunner().invoke(app, ["doctor", "--stack", "bank", "--json"])

    return invoked
