"""What is wrong with a state machine's definition: `faults` of a definition in the Amazon States Language.

cfn-lint checks the fields of each state (rule E3601), but neither whether a state's successors exist nor its
expressions. Source: Amazon States Language specification, "States" and "Transitions"; Step Functions developer guide,
"Transforming data with JSONata" and "Passing data between states with variables".
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonata
from cfnlint.api import ManualArgs, lint

ENDS = {"Succeed", "Fail"}
BUILT_IN = {"states", "count", "exists", "hash", "string"}
"""The reserved variable and the functions that our expressions use."""


def faults(definition: Mapping[str, Any]) -> list[str]:
    """What is wrong, one sentence each; empty if nothing is."""
    return [*_linted(definition), *_of_graph(definition), *_of_expressions(definition)]


def successors(state: Mapping[str, Any]) -> Iterator[str]:
    """The names of the states that can follow."""
    yield from (state[field] for field in ("Next", "Default") if field in state)
    yield from (each["Next"] for field in ("Choices", "Catch") for each in state.get(field, ()))


def expressions(value: Any) -> Iterator[str]:  # noqa: ANN401 -- any part of a definition
    """The JSONata expressions in a part of a definition."""
    if isinstance(value, str):
        if found := re.fullmatch(r"{%(.*)%}", value, re.DOTALL):
            yield found[1].strip()
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each)


def _linted(definition: Mapping[str, Any]) -> list[str]:
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/a-role", "Definition": definition},
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}
    return [f"{each.rule.id}: {each.message}" for each in lint(json.dumps(template), config=ManualArgs())]


def _of_graph(definition: Mapping[str, Any]) -> list[str]:
    states: Mapping[str, Mapping[str, Any]] = definition["States"]
    wrong = [f"{name}: no state {each}" for name in states for each in successors(states[name]) if each not in states]
    reached, waiting = set[str](), [definition["StartAt"]]
    while waiting:
        if (name := waiting.pop()) in states and name not in reached:
            reached.add(name)
            waiting += successors(states[name])
    wrong += [f"{name}: cannot be reached" for name in states if name not in reached]
    ending = {name for name in states if states[name]["Type"] in ENDS or states[name].get("End")}
    while grown := {name for name in states if name not in ending and ending & {*successors(states[name])}}:
        ending |= grown
    return wrong + [f"{name}: no end can be reached" for name in states if name not in ending]


def _of_expressions(definition: Mapping[str, Any]) -> list[str]:
    assigned = {name for state in definition["States"].values() for name in state.get("Assign", ())}
    wrong = []
    for name, state in definition["States"].items():
        for text in expressions(state):
            try:
                jsonata.Jsonata.jsonata(text)
            except jsonata.jexception.JException as error:
                wrong.append(f"{name}: {text} is not JSONata: {error}")
            used = set(re.findall(r"\$(\w+)", re.sub(r"'[^']*'", "", text)))
            wrong += [f"{name}: no state assigns ${each}" for each in sorted(used - assigned - BUILT_IN)]
    return wrong
