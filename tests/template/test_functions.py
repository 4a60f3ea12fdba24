"""The functions' environments and their share of the account's concurrency in the template."""

import importlib
import re

import pytest

from ops.lake.totals_function.settings import DAY_MAX_S, DUCKDB, MARGIN_S
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


def test_duckdb_s_limits_fit_the_function_that_refreshes_totals() -> None:
    """DuckDB's limit leaves memory to the libraries and to requests. Lambda's sizes are in MiB."""
    function = STACK.properties("LakeTotalsFunction")
    limits = {name: int(size.removesuffix("MB")) for name, size in DUCKDB.items() if size.endswith("MB")}
    assert limits["memory_limit"] <= 0.6 * function["MemorySize"]
    assert limits["max_temp_directory_size"] <= 0.75 * function["EphemeralStorage"]["Size"]
    assert DUCKDB["temp_directory"].startswith("/tmp/")  # noqa: S108 -- Lambda's only directory for temporary files


def test_the_function_that_refreshes_totals_has_time_for_several_days() -> None:
    assert STACK.properties("LakeTotalsFunction")["Timeout"] >= 3 * (DAY_MAX_S + MARGIN_S)


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


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        ("ProjectorFunction", "LakeTransformFunction"),
        ("ProjectorFunction", "AccountsByOwnerFunction"),
        ("ApiFunction", "ProjectorFunction"),
    ],
)
def test_an_update_replaces_readers_before_writers(writer: str, reader: str) -> None:
    before = TEMPLATE["Resources"][writer].get("DependsOn", [])
    assert reader in ([before] if isinstance(before, str) else before)
