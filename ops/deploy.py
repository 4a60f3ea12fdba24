"""Deploying the real template.yaml on the local emulator, as `sam deploy` does it on AWS."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import yaml_parse

from ops.emulator import HouseError, client

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
ARTIFACTS_BUCKET = "account-events-artifacts"


def deploy(
    endpoint_url: str, stack_name: str, parameters: Mapping[str, str], zips: Mapping[str, Path]
) -> dict[str, str]:
    """Create the stack, with the functions' code from `zips` (by logical id); its outputs.

    Raises:
        HouseError: a resource could not be made; says which, and why.
    """
    template = yaml_parse(TEMPLATE.read_text())
    s3 = client("s3", endpoint_url)
    s3.create_bucket(Bucket=ARTIFACTS_BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for function, path in zips.items():
        s3.upload_file(str(path), ARTIFACTS_BUCKET, path.name)
        template["Resources"][function]["Properties"]["CodeUri"] = {"Bucket": ARTIFACTS_BUCKET, "Key": path.name}
    stacks = client("cloudformation", endpoint_url)
    try:
        stacks.create_stack(
            StackName=stack_name,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        stacks.get_waiter("stack_create_complete").wait(
            StackName=stack_name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
        )
    except (ClientError, WaiterError) as error:
        raise HouseError(f"template.yaml cannot be deployed: {_reason(stacks, stack_name) or error}") from None
    [stack] = stacks.describe_stacks(StackName=stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _reason(stacks: Any, stack_name: str) -> str:  # noqa: ANN401 -- a boto3 client
    """What the first resource that failed says of itself."""
    try:
        events = stacks.describe_stack_events(StackName=stack_name)["StackEvents"]
    except ClientError:
        return ""
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    failed.sort(key=lambda event: event["Timestamp"])
    return f"{failed[0]['LogicalResourceId']}: {failed[0].get('ResourceStatusReason', '')}" if failed else ""
