"""The resources that docs/consuming.md shows for a consumer's stack."""

import re
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

GUIDE = Path(__file__).parents[2] / "docs/consuming.md"
_KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def resources() -> dict[str, Any]:
    """The resources in all YAML blocks of the guide, by logical id."""
    found: dict[str, Any] = {}
    for block in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL):
        found |= yaml_parse(block)
    return found


def inbox_request() -> dict[str, Any]:
    """The CreateTable request for the guide's inbox."""
    properties = resources()["ConsumerInbox"]["Properties"]
    return {"TableName": "inbox", "BillingMode": "PAY_PER_REQUEST", **{key: properties[key] for key in _KEPT}}
