"""Values of template.yaml as CloudFormation computes them: its functions, conditions and references. Pure."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any


class TemplateValues:
    """Computes values of a template in its long form (`Fn::If`, not `!If`).

    Args:
        template: the whole template.
        ref: returns the value of a reference: a parameter, a pseudo parameter, the name of a resource, or an attribute
            of a resource as `Name.Attribute`. None means that the property is left out (`AWS::NoValue`).
    """

    def __init__(self, template: Mapping[str, Any], ref: Callable[[str], Any]) -> None:
        self._template, self._ref = template, ref

    def properties(self, logical_id: str) -> dict[str, Any]:
        """The properties of a resource."""
        found: dict[str, Any] = self.value(self._template["Resources"][logical_id].get("Properties", {}))
        return found

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        return bool(self.value(self._template["Conditions"][name]))

    def value(self, value: Any) -> Any:  # noqa: ANN401 -- any value of the template
        """A value without functions. Properties whose value is `AWS::NoValue` are left out."""
        if isinstance(value, list):
            return [each for each in map(self.value, value) if each is not None]
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
            "Fn::GetAtt": lambda of: self._ref(of if isinstance(of, str) else ".".join(of)),
            "Fn::Sub": lambda text: re.sub(r"\$\{([\w:.]+)\}", lambda found: str(self._ref(found[1])), text),
            "Fn::Join": lambda of: of[0].join(self.value(of[1])),
            "Fn::Split": lambda of: self.value(of[1]).split(of[0]),
            "Fn::Select": lambda of: self.value(of[1])[int(of[0])],
            "Fn::If": lambda of: self.value(of[1] if self.condition(of[0]) else of[2]),
            "Fn::Equals": lambda of: self.value(of[0]) == self.value(of[1]),
            "Fn::Not": lambda of: not self.value(of[0]),
            "Fn::And": lambda of: all(self.value(each) for each in of),
            "Condition": self.condition,
        }
