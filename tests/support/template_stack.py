"""A stack of template.yaml: its values as CloudFormation computes them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, Any]:
    """The resources of a type, by logical id."""
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


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
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, arguments)] = value.items()
            if function in self._functions:
                return self._functions[function](arguments)
        values = {key: self.value(each) for key, each in value.items()}
        return {key: each for key, each in values.items() if each is not None}

    @cached_property
    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": lambda of: self._ref(".".join(of)),
            "Fn::Sub": lambda text: re.sub(r"\$\{([\w:.]+)\}", lambda found: str(self._ref(found[1])), text),
            "Fn::Join": lambda of: of[0].join(self.value(of[1])),
            "Fn::Split": lambda of: self.value(of[1]).split(of[0]),
            "Fn::Select": lambda of: self.value(of[1])[int(of[0])],
            "Fn::If": lambda of: self.value(of[1] if self.value(TEMPLATE["Conditions"][of[0]]) else of[2]),
            "Fn::Equals": lambda of: self.value(of[0]) == self.value(of[1]),
            "Fn::Not": lambda of: not self.value(of[0]),
        }

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
