"""Deploying the real template.yaml on the local emulator, as `sam deploy` does it on AWS."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import intrinsics_multi_constructor

from local_stack.emulator import client
from local_stack.errors import CommandError

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
ARTIFACTS_BUCKET = "account-events-artifacts"
WAIT_S, WAITS_MAX = 0.05, 1200


class _TemplateLoader(yaml.CSafeLoader):
    """libyaml's parser, which is seven times as fast as Python's, with CloudFormation's short forms (`!Ref`)."""


_TemplateLoader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template() -> dict[str, Any]:
    """template.yaml, with CloudFormation's functions in their long form."""
    template: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _TemplateLoader)  # noqa: S506 -- a SafeLoader
    return template


def deploy(
    endpoint_url: str, stack_name: str, parameters: Mapping[str, str], zips: Mapping[str, Path]
) -> dict[str, str]:
    """Create the stack, or update the one of that name, with the functions' code from `zips`; its outputs.

    Args:
        endpoint_url: the emulator's; its root deploys.
        stack_name: any that CloudFormation accepts.
        parameters: of template.yaml.
        zips: the package of every function of the template, by logical id.

    Raises:
        CommandError: a resource could not be made; says which, and why.
    """
    template = with_code(read_template(), zips)
    s3 = client("s3", endpoint_url)
    _upload(s3, zips.values())
    # By its place, as `sam deploy` does: CloudFormation takes templates of 51,200 bytes at most in the request itself.
    s3.put_object(Bucket=ARTIFACTS_BUCKET, Key=TEMPLATE.name, Body=json.dumps(template).encode())
    stacks = client("cloudformation", endpoint_url)
    try:
        _apply(
            stacks,
            StackName=stack_name,
            TemplateURL=f"{endpoint_url}/{ARTIFACTS_BUCKET}/{TEMPLATE.name}",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except (ClientError, WaiterError) as error:
        raise CommandError(f"template.yaml cannot be deployed: {_reason(stacks, stack_name) or error}") from None
    [stack] = stacks.describe_stacks(StackName=stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def with_code(template: dict[str, Any], zips: Mapping[str, Path]) -> dict[str, Any]:
    """The template with each function's `CodeUri` in the artifacts bucket.

    Raises:
        CommandError: the template's functions and the packages are not the same.
    """
    resources = template["Resources"]
    functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"}
    if odd := functions ^ set(zips):
        raise CommandError(f"In only one of template.yaml and local_stack/build.py: {', '.join(sorted(odd))}.")
    for function, path in zips.items():
        resources[function]["Properties"]["CodeUri"] = {"Bucket": ARTIFACTS_BUCKET, "Key": path.name}
    return template


def first_failure(events: Iterable[Mapping[str, Any]]) -> str:
    """The resource that failed first in the latest operation, and what it says of itself; empty if none did.

    Args:
        events: a stack's, as DescribeStackEvents returns them: newest first. Resources that fail after the first are
            only cancelled because of it.
    """
    failure = ""
    for event in events:
        status = event["ResourceStatus"]
        if status.endswith("_FAILED"):
            failure = f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        elif event["PhysicalResourceId"] == event["StackId"] and status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
            break  # here it began; what is older belongs to an earlier operation
    return failure


def _upload(s3: Any, zips: Iterable[Path]) -> None:  # noqa: ANN401 -- a boto3 client
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=ARTIFACTS_BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for path in zips:
        s3.upload_file(str(path), ARTIFACTS_BUCKET, path.name)


def _apply(stacks: Any, **stack: Any) -> None:  # noqa: ANN401 -- a boto3 client and its arguments
    try:
        stacks.create_stack(**stack)
        done = "stack_create_complete"
    except stacks.exceptions.AlreadyExistsException:
        try:
            stacks.update_stack(**stack)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise
        done = "stack_update_complete"
    wait = {"Delay": WAIT_S, "MaxAttempts": WAITS_MAX}
    stacks.get_waiter(done).wait(StackName=stack["StackName"], WaiterConfig=wait)


def _reason(stacks: Any, stack_name: str) -> str:  # noqa: ANN401 -- a boto3 client
    try:
        return first_failure(stacks.describe_stack_events(StackName=stack_name)["StackEvents"])
    except ClientError:  # there is no such stack: it was refused as a whole
        return ""
