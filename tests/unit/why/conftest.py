"""`account-events why` on a stack on AWS without AWS."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from ops.lake.deployed_lake import Lake
from ops.why.sources import request_log
from tests.support.aws_stack import AwsStack
from tests.unit.why.given import line

Why = Callable[..., Any]
"""Runs the command on a stack and returns click's result."""


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> AwsStack:
    """A stack that the tests of a module share: they undo what they change."""
    return AwsStack(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def why(monkeypatch: pytest.MonkeyPatch) -> Why:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr("ops.doctor.published.PAUSE_S", 0.0)
    monkeypatch.setattr(request_log, "PAUSE_S", 0.0)

    def invoked(stack: AwsStack, *arguments: str) -> Any:  # noqa: ANN401 -- click's result
        monkeypatch.setattr(boto3, "client", stack.client)
        monkeypatch.setattr(Lake, "engine", lambda _lake, **_: stack.engine())
        return CliRunner().invoke(app, ["why", *arguments, "--stack", "bank"])

    return invoked


@pytest.fixture
def published(healthy: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    """The newest event of a-1 is on the stream, its request is in the log, and a later command was refused."""
    newest = healthy.events("a-1")[-1]
    monkeypatch.setattr(healthy, "published", [newest])
    refused = line(
        newest, status=422, code="insufficient_funds", request_id="r-refused", sequence=None, command_id="k-9"
    )
    monkeypatch.setattr(healthy, "log", [line(newest), refused])
    return healthy
