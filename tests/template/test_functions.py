"""The functions' environments and their share of the account's concurrency in the template."""

import importlib
import re

import pytest

from tests.support.template_stack import TEMPLATE, Stack, of_type

STACK = Stack("some-stack")
FUNCTIONS = sorted(of_type("AWS::Serverless::Function"))
MAY_BE_MISSING = {"POWERTOOLS_LOG_LEVEL", "SCHEMA_VERSIONS"}
"""Only Powertools reads POWERTOOLS_LOG_LEVEL; only the framing `glue` needs SCHEMA_VERSIONS."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_exactly_the_variables_it_needs(function: str) -> None:
    package = STACK.properties(function)["Handler"].rpartition(".handler.")[0]
    settings = importlib.import_module(f"{package}.settings").Settings
    # The registry creates the ids of the schema versions, not the template.
    variables = STACK.variables(function) | {"SCHEMA_VERSIONS": ""}
    assert settings.read(variables).stack_name == STACK.name
    for missing in variables.keys() - MAY_BE_MISSING:
        with pytest.raises(LookupError, match=missing):
            settings.read({name: value for name, value in variables.items() if name != missing})


def test_by_default_no_concurrency_is_reserved() -> None:
    """Lambda refuses every reservation in a new account, whose quota may be 10, because 100 must stay unreserved.

    AWS Lambda developer guide, Configuring reserved concurrency.
    """
    assert TEMPLATE["Parameters"]["ApiReservedConcurrency"]["Default"] == ""
    for function in FUNCTIONS:
        assert "ReservedConcurrentExecutions" not in STACK.properties(function), function


def test_only_the_apis_concurrency_can_be_limited() -> None:
    """The projector runs once for each shard of the table's stream; a limit would stop the shards beyond it."""
    limited = Stack("some-stack", {"ApiReservedConcurrency": "50"})
    found = {function: limited.properties(function).get("ReservedConcurrentExecutions") for function in FUNCTIONS}
    assert {function: limit for function, limit in found.items() if limit is not None} == {"ApiFunction": "50"}


@pytest.mark.parametrize(
    ("value", "allowed"), [("", True), ("1", True), ("900", True), ("0", False), ("-1", False), ("1.5", False)]
)
def test_the_limit_of_the_apis_concurrency_is_positive(value: str, *, allowed: bool) -> None:
    """With 0, Lambda does not invoke the function."""
    pattern = TEMPLATE["Parameters"]["ApiReservedConcurrency"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is allowed
