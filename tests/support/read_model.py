"""The read model's two tables, as template.yaml describes them."""

import uuid
from typing import Any

from local_stack.deploy import read_template

_KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def make_table(client: Any, logical_id: str, name: str | None = None) -> str:  # noqa: ANN401 -- a boto3 client
    """Create a table of the template, by default with a unique name, and return the name."""
    name = name or f"{logical_id}-{uuid.uuid4()}"
    client.create_table(**create_table_request(logical_id, name))
    return name


def create_table_request(logical_id: str, name: str) -> dict[str, Any]:
    """The CreateTable request for a table of the template."""
    properties = read_template()["Resources"][logical_id]["Properties"]
    kept = {key: properties[key] for key in _KEPT if key in properties}
    return {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **kept}
