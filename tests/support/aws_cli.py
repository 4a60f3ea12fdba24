"""Runs the `aws` commands that findings and the runbook name, against the local stack, without the AWS CLI.

It reads options as the AWS CLI does, from botocore's service models, so a command with an unknown operation or option
fails. Of the high-level commands it knows `s3 mv` and `logs tail`.
"""

import json
import shlex
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import xform_name

Client = Callable[[str], Any]


def run_aws(command: str, client: Client) -> Any:  # noqa: ANN401 -- any response
    """Run one command and return the response.

    Args:
        command: the command line, beginning with `aws`.
        client: creates a client of a service.
    """
    program, service, operation, *arguments = shlex.split(command)
    assert program == "aws", command
    if (service, operation) == ("s3", "mv"):
        return _move(client("s3"), *arguments)
    if (service, operation) == ("logs", "tail"):
        return client("logs").filter_log_events(logGroupName=arguments[0])["events"]
    service = "s3" if service == "s3api" else service  # the AWS CLI's name for the operations of S3's API
    members = _members(service, operation)
    return getattr(client(service), operation.replace("-", "_"))(**_parameters(arguments, members))


def _members(service: str, operation: str) -> dict[str, tuple[str, Any]]:
    """The operation's parameters and their shapes, by the name of the option."""
    model = botocore.session.get_session().get_service_model(service)
    [name] = [each for each in model.operation_names if xform_name(each, "-") == operation]
    shape: Any = model.operation_model(name).input_shape
    return {xform_name(member, "-"): (member, kind) for member, kind in shape.members.items()}


def _parameters(arguments: list[str], members: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    given: dict[str, list[str]] = {}
    for argument in arguments:
        if argument.startswith("--"):
            given[option := argument.removeprefix("--")] = []
        else:
            given[option].append(argument)
    found = {}
    for option, values in given.items():
        if option.startswith("no-") and option.removeprefix("no-") in members:
            found[members[option.removeprefix("no-")][0]] = False
            continue
        member, kind = members[option]
        found[member] = _value(kind, values)
    return found


def _value(kind: Any, values: list[str]) -> Any:  # noqa: ANN401 -- a shape, any value
    if kind.type_name == "boolean":
        assert not values, values
        return True
    if kind.type_name == "list" and not values[0].startswith("["):
        return values
    [value] = values
    if kind.type_name in {"integer", "long"}:
        return int(value)
    if kind.type_name in {"structure", "map", "list"}:
        return json.loads(value) if value[0] in "{[" else dict(_pair(each) for each in value.split(","))
    return value


def _pair(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, {"true": True, "false": False}.get(value, value)


def _move(s3: Any, source: str, target: str) -> None:  # noqa: ANN401 -- a client
    from_bucket, _, from_key = source.removeprefix("s3://").partition("/")
    to_bucket, _, to_key = target.removeprefix("s3://").partition("/")
    s3.copy_object(Bucket=to_bucket, Key=to_key, CopySource={"Bucket": from_bucket, "Key": from_key})
    s3.delete_object(Bucket=from_bucket, Key=from_key)
