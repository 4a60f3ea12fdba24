"""Deploy the real template.yaml to the emulator, as `sam deploy` does to AWS."""

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
    """libyaml's parser, seven times as fast as Python's, with support for CloudFormation's short forms (`!Ref`)."""


_TemplateLoader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template() -> dict[str, Any]:
    """Read template.yaml, with CloudFormation's functions in their long form."""
    template: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _TemplateLoader)  # noqa: S506 -- a SafeLoader
    return template


def deploy(
    endpoint_url: str, stack_name: str, parameters: Mapping[str, str], zips: Mapping[str, Path]
) -> dict[str, str]:
    """Create or update the stack and return its outputs.

    Args:
        endpoint_url: the emulator's URL. The deployment uses its root credentials.
        stack_name: any name that CloudFormation accepts.
        parameters: values for parameters of template.yaml.
        zips: package of every function in the template, by logical id.

    Raises:
        CommandError: a resource could not be created. The message names it and the reason.
    """
    template = with_code(read_template(), zips)
    s3 = client("s3", endpoint_url)
    _upload(s3, zips.values())
    # Through S3, as `sam deploy` does: a request to CloudFormation can contain a template of at most 51,200 bytes.
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
    _enable_recovery(endpoint_url, stacks, stack_name, template)
    [stack] = stacks.describe_stacks(StackName=stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _enable_recovery(endpoint_url: str, stacks: Any, stack_name: str, template: Mapping[str, Any]) -> None:  # noqa: ANN401 -- a boto3 client
    """Enable point-in-time recovery of the tables that have it, because the emulator's CloudFormation ignores it."""
    tables = client("dynamodb", endpoint_url)
    for page in stacks.get_paginator("list_stack_resources").paginate(StackName=stack_name):
        for resource in page["StackResourceSummaries"]:
            properties = template["Resources"].get(resource["LogicalResourceId"], {}).get("Properties", {})
            if "PointInTimeRecoverySpecification" in properties:
                tables.update_continuous_backups(
                    TableName=resource["PhysicalResourceId"],
                    PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
                )


def with_code(template: dict[str, Any], zips: Mapping[str, Path]) -> dict[str, Any]:
    """Set each function's `CodeUri` to its zip in the artifacts bucket and return the template.

    Raises:
        CommandError: the template and `zips` do not have the same functions.
    """
    resources = template["Resources"]
    functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"}
    if odd := functions ^ set(zips):
        raise CommandError(
            f"template.yaml and local_stack/build.py must define the same functions. "
            f"Only one of the two files defines: {', '.join(sorted(odd))}."
        )
    for function, path in zips.items():
        resources[function]["Properties"]["CodeUri"] = {"Bucket": ARTIFACTS_BUCKET, "Key": path.name}
    return template


def first_failure(events: Iterable[Mapping[str, Any]]) -> str:
    """Return the first resource that failed in the latest operation, with its reason; empty if no resource failed.

    Later failures in the same operation are only cancellations caused by the first.

    Args:
        events: the stack's events, newest first, as DescribeStackEvents returns them.
    """
    failure = ""
    for event in events:
        status = event["ResourceStatus"]
        if status.endswith("_FAILED"):
            failure = f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        elif event["PhysicalResourceId"] == event["StackId"] and status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
            break  # the operation began here; older events belong to earlier operations
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
    except ClientError:  # the stack does not exist: the whole template was refused
        return ""
