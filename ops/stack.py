"""A stack on AWS, by its name: its outputs, and settings for clients of it."""

from collections.abc import Mapping

import boto3
from botocore.config import Config

from ops.emulator import HouseError

AWS_CLIENTS = Config(connect_timeout=5.0, read_timeout=20.0, retries={"total_max_attempts": 5, "mode": "standard"})


def outputs_of(stack: str) -> dict[str, str]:
    """Of a stack on AWS."""
    [described] = boto3.client("cloudformation", config=AWS_CLIENTS).describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


class Outputs:
    """A stack's, with a clear word where one is missing."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> str:
        try:
            return self._outputs[name]
        except KeyError:
            raise HouseError(f"The stack has no output {name}: deploy this version's template.yaml first.") from None
