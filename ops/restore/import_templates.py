"""Templates with which a restored table is taken into its stack by a CloudFormation import. Pure.

CloudFormation imports a resource only if the stack does not have it and nothing else in the template changes. So the
stack is first updated to a template without the table, in which the table's name and ARNs are written out, and then the
same template with the table is imported. After that, the release is deployed as usual.
(docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html)
"""

import re
from collections.abc import Mapping
from typing import Any

_IN_TEXT = r"\$\{%s(?:\.(\w+))?\}"


def without(template: Mapping[str, Any], logical_id: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The template without a resource. References to it are replaced by their values.

    Args:
        template: processed by CloudFormation, with functions in their long form.
        logical_id: the resource.
        values: by attribute, the value of `Fn::GetAtt`; that of `Ref` has the name "".

    Raises:
        KeyError: the template refers to an attribute without a value.
    """
    kept = {**template, "Resources": {k: v for k, v in template["Resources"].items() if k != logical_id}}
    replaced: dict[str, Any] = _replaced(kept, logical_id, values)
    return replaced


def with_resource(without_it: Mapping[str, Any], template: Mapping[str, Any], logical_id: str) -> dict[str, Any]:
    """The template of the import: that of `without`, and the resource."""
    return {**without_it, "Resources": {**without_it["Resources"], logical_id: template["Resources"][logical_id]}}


def _replaced(node: Any, logical_id: str, values: Mapping[str, str]) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(node, list):
        return [_replaced(each, logical_id, values) for each in node]
    if not isinstance(node, dict):
        return node
    if (attribute := _attribute(node, logical_id)) is not None:
        return values[attribute]
    return _rewritten({key: _replaced(value, logical_id, values) for key, value in node.items()}, logical_id, values)


def _rewritten(node: dict[str, Any], logical_id: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The node without the references to the resource that are not nodes of their own."""
    match node:
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _in_text(text, logical_id, values)}
        case {"Fn::Sub": [str(text), dict(variables)]}:
            return {"Fn::Sub": [_in_text(text, logical_id, values), variables]}
        case {"DependsOn": str(name), **rest} if name == logical_id:
            return rest
        case {"DependsOn": [*names], **rest} if logical_id in names:
            return rest | {"DependsOn": [each for each in names if each != logical_id]}
    return node


def _attribute(node: Mapping[str, Any], logical_id: str) -> str | None:
    """The attribute of the resource that a node refers to, "" for `Ref`; None if it is no reference to it."""
    match node:
        case {"Ref": str(name)} if name == logical_id:
            return ""
        case {"Fn::GetAtt": [str(name), str(attribute)]} if name == logical_id:
            return attribute
        case {"Fn::GetAtt": str(path)} if path.startswith(f"{logical_id}."):
            return path.removeprefix(f"{logical_id}.")
    return None


def _in_text(text: str, logical_id: str, values: Mapping[str, str]) -> str:
    return re.sub(_IN_TEXT % logical_id, lambda found: values[found[1] or ""], text)
