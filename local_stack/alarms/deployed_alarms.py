"""The alarms of template.yaml with the names of a running local stack, which does not have them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_stack.address import Address
from local_stack.deploy import read_template
from local_stack.template_values import TemplateValues

ALARM, COMPOSITE, LOG_GROUP = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Logs::LogGroup"
DELIVERY = "LakeDelivery"
_RUNBOOK = re.compile(r"docs/runbook\.md#([\w-]+)")


@dataclass(frozen=True, slots=True)
class DeployedAlarms:
    """The alarms.

    Attributes:
        plain: the properties of each alarm on metrics, by logical id.
        rules: the rule of each composite alarm, with the logical ids of its inputs.
        runbooks: the anchor of each alarm's entry in docs/runbook.md.
        with_message: the alarms that send a message, in order; the others are only inputs of composite alarms.
        log_groups: the names of the functions' log groups.
    """

    plain: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, str]
    runbooks: Mapping[str, str]
    with_message: tuple[str, ...]
    log_groups: tuple[str, ...]


def made_up_name(stack: str, logical_id: str) -> str:
    """A physical name, as CloudFormation makes them, for a resource that only exists on AWS."""
    return f"{stack}-{logical_id}-1A2B3C"


def deployed_alarms(address: Address) -> DeployedAlarms:
    """The alarms of the local stack at this address."""
    template, stacks, stack = read_template(), address.client("cloudformation"), address.outputs["StackName"]
    [described] = stacks.describe_stacks(StackName=stack)["Stacks"]
    pages = stacks.get_paginator("list_stack_resources").paginate(StackName=stack)
    physical_ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each.get("PhysicalResourceId")
    }
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", ())}
    return named(template, stack, parameters, physical_ids)


def named(
    template: Mapping[str, Any], stack: str, parameters: Mapping[str, str], physical_ids: Mapping[str, str]
) -> DeployedAlarms:
    """The alarms of a template with the names of a stack.

    Args:
        template: in its long form.
        stack: the stack's name.
        parameters: the values of its parameters; the others have their defaults.
        physical_ids: the names of its resources, by logical id. The others get names that are made up.
    """
    resources = template["Resources"]
    names = {DELIVERY: f"{stack}-lake", **physical_ids}

    def ref(name: str) -> Any:  # noqa: ANN401 -- any value of the template
        if name == "AWS::StackName":
            return stack
        if name == "AWS::NoValue":
            return None
        if name in template["Parameters"]:
            return parameters.get(name, str(template["Parameters"][name].get("Default", "")))
        logical_id, _, attribute = name.partition(".")
        if attribute == "QueueName":
            return names.get(logical_id, made_up_name(stack, logical_id)).rpartition("/")[2]
        return names.get(logical_id, made_up_name(stack, logical_id))

    values = TemplateValues(template, ref)
    of_kind = {
        kind: {name: values.properties(name) for name, each in resources.items() if each["Type"] == kind}
        for kind in (ALARM, COMPOSITE)
    }
    rules = {name: resources[name]["Properties"]["AlarmRule"]["Fn::Sub"] for name in of_kind[COMPOSITE]}
    return DeployedAlarms(
        plain=of_kind[ALARM],
        rules={name: re.sub(r"\$\{(\w+)\}", r"\1", rule) for name, rule in rules.items()},
        runbooks={
            name: _anchor(each["AlarmDescription"]) for name, each in {**of_kind[ALARM], **of_kind[COMPOSITE]}.items()
        },
        with_message=tuple(
            name
            for name, each in resources.items()
            if each["Type"] in of_kind and "AlarmActions" in each.get("Properties", {})
        ),
        log_groups=tuple(
            names[name] for name, each in resources.items() if each["Type"] == LOG_GROUP and name in names
        ),
    )


def _anchor(description: str) -> str:
    found = _RUNBOOK.search(description)
    return found[1] if found else ""
