"""A stack of template.yaml: its values as CloudFormation computes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local_stack.template_values import TemplateValues

TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, Any]:
    """The resources of a type, by logical id."""
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


def is_on_aws_only(logical_id: str) -> bool:
    """Whether the template leaves this resource out of the local stack."""
    return bool(RESOURCES.get(logical_id, {}).get("Condition") == "OnAws")


@dataclass(frozen=True)
class Stack:
    """A stack whose generated resource names begin with its name, as CloudFormation's do.

    Attributes:
        name: the stack's name.
        parameters: the parameters without their default values.
        uuid: the last part of the stack's id.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    uuid: str = "0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11"

    def properties(self, logical_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.value(RESOURCES[logical_id]["Properties"])
        return found

    def variables(self, function: str) -> dict[str, str]:
        """The environment variables of a function."""
        return {name: str(value) for name, value in self.properties(function)["Environment"]["Variables"].items()}

    def value(self, value: Any) -> Any:  # noqa: ANN401 -- any value of the template
        return self._values.value(value)

    @cached_property
    def _values(self) -> TemplateValues:
        return TemplateValues(TEMPLATE, self._ref)

    def _ref(self, name: str) -> str | None:
        """The value of a parameter or pseudo parameter, or the name of a resource or its attribute."""
        pseudo = {
            "AWS::StackName": self.name,
            "AWS::StackId": f"arn:aws:cloudformation:eu-central-1:123456789012:stack/{self.name}/{self.uuid}",
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::Region": "eu-central-1",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
        }
        if name in pseudo:
            return pseudo[name]
        if name in TEMPLATE["Parameters"]:
            return self.parameters.get(name, str(TEMPLATE["Parameters"][name]["Default"]))
        assert name.partition(".")[0] in RESOURCES, name
        return f"{self.name}-{name}"
