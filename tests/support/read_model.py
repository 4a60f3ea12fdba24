"""The read model's two tables, as template.yaml describes them."""

import uuid
from typing import Any

from local_stack.deploy import read_template

_KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def make_table(client: Any, logical_id: str, name: str | None = None) -> str:  # noqa: ANN401 -- a boto3 client
    """Create a table of the template's. Without a name, it gets a unique one."""
    name = name or f"{logical_id}-{uuid.uuid4()}"
    client.create_table(**create_table_request(logical_id, name))
    return name


def create_table_request(logical_id: str, name: str) -> dict[str, Any]:
    """What CreateTable takes to make a table of the template's."""
    properties = read_template()["Resources"][logical_id]["Properties"]
    kept = {key: properties[key] for key in _KEPT if key in properties}
    return {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **kept}
