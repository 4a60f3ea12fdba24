"""Checks commands of the AWS CLI, without the CLI, against the models of the AWS services that botocore contains.

The CLI derives its commands and options from the same models: `DescribeStacks` becomes `describe-stacks`, `StackName`
becomes `--stack-name`.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import get_session

GLOBAL = {"--query", "--output", "--region", "--profile", "--cli-binary-format", "--endpoint-url", "--no-cli-pager"}
CUSTOM: Mapping[tuple[str, str], set[str]] = {
    ("logs", "tail"): {"--since", "--follow", "--format", "--filter-pattern", "--log-stream-names"},
    ("s3", "cp"): {"--recursive", "--sse", "--sse-kms-key-id"},
    ("s3", "mv"): {"--recursive"},
    ("s3", "ls"): {"--recursive", "--summarize"},
    ("s3", "rm"): {"--recursive"},
}
"""Commands that the CLI does not derive from a model, each with its options (AWS CLI command reference)."""
SERVICES = {"s3api": "s3"}
"""Names of services that differ from the model's."""
RENAMED = {("sns", "subscribe", "--endpoint"): "--notification-endpoint"}
"""Options that the CLI names otherwise than the model, because its global options have the name."""
SUBSTITUTED = "$SUBSTITUTED"
_BETWEEN_COMMANDS = re.compile(r""" (?:\||&&|>) (?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")
"""A pipe, `&&` or a redirection that is not quoted."""


def commands_in(line: str) -> list[str]:
    """The commands of the AWS CLI in a line of shell code, those in substitutions included, without pipes."""
    outer, inner = _without_substitutions(line)
    found = [part.strip() for part in _BETWEEN_COMMANDS.split(outer)]
    return [part for part in found if part.startswith("aws ")] + [each for part in inner for each in commands_in(part)]


def fault_in(command: str) -> str | None:
    """What is wrong with a command, as `commands_in` returns it."""
    _, service, name, *words = shlex.split(command)
    given = {word.partition("=")[0]: value for word, value in _options(words)}
    if (service, name) in CUSTOM:
        return _unknown(given, CUSTOM[service, name])
    try:
        model = _model(SERVICES.get(service, service))
    except UnknownServiceError:
        return f"no service {service}"
    if name == "wait":
        waiters = Loader().load_service_model(service, "waiters-2")["waiters"]
        waiter = next((each for each in waiters if xform_name(each, "-") == words[0]), None)
        if waiter is None:
            return f"no waiter {words[0]}"
        operation = model.operation_model(waiters[waiter]["operation"])
    else:
        by_name = {xform_name(each, "-"): each for each in model.operation_names}
        if name not in by_name:
            return f"no operation {name} of {service}"
        operation = model.operation_model(by_name[name])
    return _fault_in_options(service, name, operation, given)


def _fault_in_options(service: str, name: str, operation: OperationModel, given: Mapping[str, list[str]]) -> str | None:
    members = operation.input_shape.members if operation.input_shape else {}
    shapes = {_option(service, name, member): shape for member, shape in members.items()}
    required = operation.input_shape.required_members if operation.input_shape else []
    negated = {f"--no-{each[2:]}" for each, shape in shapes.items() if shape.type_name == "boolean"}
    if fault := _unknown(given, {*shapes, *negated}):
        return fault
    if missing := [option for member in required if (option := _option(service, name, member)) not in given]:
        return f"{missing[0]} is missing"
    for option, values in given.items():
        allowed = _values(shapes[option]) if option in shapes else None
        if allowed and (wrong := [each for each in values if each not in allowed and "$" not in each]):
            return f"{option} has no value {wrong[0]}"
    return _fault_in_query(operation, given["--query"][0]) if "--query" in given else None


def _fault_in_query(operation: OperationModel, query: str) -> str | None:
    """Whether the query is valid JMESPath, and reads members that the response has."""
    try:
        _result_of(jmespath.compile(query).parsed, operation.output_shape)
    except LookupError as error:
        return str(error.args[0])
    return None


def _result_of(node: Mapping[str, Any], shape: Shape | None) -> Shape | None:
    """The shape of the result of a parsed expression; None if it is not known. Then its members are not checked."""
    children: list[Any] = node["children"]
    match node["type"]:
        case "field" if isinstance(shape, StructureShape):
            if node["value"] not in shape.members:
                raise LookupError(f"{shape.name} has no {node['value']}")
            return shape.members[node["value"]]
        case "subexpression" | "index_expression":
            return reduce(lambda before, child: _result_of(child, before), children, shape)
        case "index":
            return _element(shape)
        case "projection" | "filter_projection":
            element = _element(_result_of(children[0], shape))
            for child in children[1:]:
                _result_of(child, element)
            return None
    results = [_result_of(child, shape) for child in children]
    return {"flatten": results[:1], "multi_select_list": results[:1], "identity": [shape]}.get(node["type"], [None])[0]


def _element(shape: Shape | None) -> Shape | None:
    return shape.member if isinstance(shape, ListShape) else None


def _unknown(given: Mapping[str, list[str]], known: set[str]) -> str | None:
    unknown = [option for option in given if option not in known | GLOBAL]
    return f"no option {unknown[0]}" if unknown else None


def _values(shape: Shape) -> list[str]:
    if isinstance(shape, ListShape):
        return _values(shape.member)
    return list(getattr(shape, "enum", []))


def _option(service: str, name: str, member: str) -> str:
    option = f"--{xform_name(member, '-')}"
    return RENAMED.get((service, name, option), option)


def _options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    starts = [index for index, word in enumerate(words) if word.startswith("--")]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start], words[start + 1 : end]


def _without_substitutions(line: str) -> tuple[str, list[str]]:
    """The line with a placeholder for each outermost `$(...)`, and the contents of these."""
    outer, inner, start, depth = "", [], 0, 0
    index = 0
    while index < len(line):
        opens, char = line.startswith("$(", index), line[index]
        if depth == 0:
            if opens:
                depth, start = 1, index + 2
                index += 1
            else:
                outer += char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                inner.append(line[start:index])
                outer += SUBSTITUTED
        index += 1
    return outer, inner


@cache
def _model(service: str) -> ServiceModel:
    return get_session().get_service_model(service)
