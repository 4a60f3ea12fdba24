"""The read model's two tables, as template.yaml describes them."""

import uuid
from typing import Any

from local_stack.deploy import read_template

_KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def make_table(client: Any, logical_id: str, name: str | None = None) -> str:  # noqa: ANN401 -- a boto3 client
    """A table of the template's; without a name, under one of its own."""
    properties = read_template()["Resources"][logical_id]["Properties"]
    name = name or f"{logical_id}-{uuid.uuid4()}"
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", **{key: properties[key] for key in _KEPT if key in properties}
    )
    return name
