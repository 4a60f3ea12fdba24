"""The configurations of the deployed stack's event source mappings (docs/adr/0002)."""

from typing import TYPE_CHECKING

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.errors import UnsupportedMapping
from local_stack.errors import CommandError
from local_stack.event_source_mapping.clients import MappingClients
from local_stack.event_source_mapping.deployed import deployed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

RESOURCE_TYPE = "AWS::Lambda::EventSourceMapping"


def stack_mappings(
    stacks: "CloudFormationClient", clients: MappingClients, stack_name: str
) -> dict[str, MappingConfig]:
    """Return every mapping of the stack by its logical id, in the order in which records pass through them.

    Mappings of the table's stream come first, then those of the Kinesis stream that the projector fills.

    Raises:
        CommandError: a mapping has a setting that the fake does not support.
    """
    found = {}
    for page in stacks.get_paginator("list_stack_resources").paginate(StackName=stack_name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] != RESOURCE_TYPE:
                continue
            logical_id = resource["LogicalResourceId"]
            response = clients.functions.get_event_source_mapping(UUID=resource["PhysicalResourceId"])
            try:
                found[logical_id] = deployed(response, clients)
            except UnsupportedMapping as error:
                raise CommandError(f"{logical_id} in template.yaml cannot run locally: {error}.") from None
    return dict(sorted(found.items(), key=lambda one: one[1].source_kind == "kinesis"))
