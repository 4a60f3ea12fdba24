"""What `account-events doctor --json` printed."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.aws_stack import AwsStack

Doctor = Callable[[AwsStack], Any]
"""Runs the command on a stack and returns click's result."""


def found(done: Any) -> list[dict[str, str]]:  # noqa: ANN401 -- click's result
    """The findings of a run."""
    findings: list[dict[str, str]] = json.loads(done.stdout)["findings"]
    return findings


def kinds(done: Any) -> list[str]:  # noqa: ANN401 -- click's result
    """The kinds of the findings of a run."""
    return [each["kind"] for each in found(done)]
