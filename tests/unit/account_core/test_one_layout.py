"""Only `account_core/rows` knows the layout of the ledger's table."""

import ast
import re
from collections.abc import Iterator

import pytest

from account_core.rows import layout
from account_events.avro.schemas_path import SCHEMAS

ROOT = SCHEMAS.parent
PACKAGES = ("account_core", "account_events", "benchmarks", "consumers", "local_stack", "ops", "projector", "tools")
HOME = "account_core/rows/"
NAMES = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}
_ANY_NAME = "|".join(sorted(NAMES))
EXPRESSION = re.compile(rf"\b({_ANY_NAME}) (=|<|>|<=|>=|BETWEEN|IN) [:#(]|\(({_ANY_NAME})[),]")
"""A condition or key of DynamoDB's that names an attribute."""

EXCEPTIONS = {
    # Other tables with attributes of the same names.
    "account_core/service/owned_accounts.py": "a row of the accounts by owner, as consumers/owners writes it",
    "benchmarks/path/checks.py": "a row of the accounts by owner",
    "account_core/store/dynamodb_owned.py": "the index of the accounts by owner",
    "account_events/consumer/dynamodb_inbox.py": "the inbox's table, which other teams have",
    "account_events/consumer/dynamodb_item_inbox.py": "a consumer's table, which other teams have",
    "account_events/consumer/dynamodb_positions.py": "a table with positions, which other teams have",
    "consumers/owners/rows.py": "the accounts by owner, written by a consumer, which never knows the ledger's rows",
    "ops/cli/owners.py": "a row of the accounts by owner",
    "ops/console/accounts.py": "a row of the accounts by owner",
    "ops/owners/read_model.py": "a row of the accounts by owner",
    "projector/dynamodb_parking.py": "the parked accounts' table",
    # The same words with another meaning.
    "account_core/api/openapi/parameters.py": "names of schemas in the API's description",
    "account_core/api/openapi/schemas.py": "names of schemas in the API's description",
    "account_events/consumer/get_records.py": "a parameter of GetShardIterator",
    "account_events/streams/kinesis_source.py": "a parameter of GetShardIterator",
    "local_stack/api_test_user.py": "the version of an IAM policy's language",
    "local_stack/alarms/deployed_alarms.py": "the type of a resource in CloudFormation",
    "local_stack/deploy.py": "the type of a resource in CloudFormation",
    "local_stack/event_source_mapping/delivery.py": "the id of an AWS API request",
    "local_stack/faults/accounts.py": "a parameter of GetShardIterator",
    "local_stack/firehose/config.py": "the type of a processor in Firehose's configuration",
    "local_stack/firehose/runner.py": "the type of a column in Glue",
    "ops/console/progress.py": "the time of a data point in CloudWatch",
    "ops/doctor/checks/catalogue.py": "the type of a column in Glue",
    "ops/doctor/stack_view.py": "the type of a resource in CloudFormation",
    "ops/lake/query/athena_engine.py": "the type of a column in Athena",
    "ops/lake/query/history_view.py": "a field of a table in Glue",
    "benchmarks/dollars/deployed.py": "the type of a resource in CloudFormation",
    "benchmarks/tests/test_dollars.py": "the type of a resource in CloudFormation",
    # The same rule in another language.
    "ops/lake/spark/canonical.py": "Spark's expressions for plain rows; tests/spark reads every row in both ways",
    # Independent of this project's code by design.
    "benchmarks/cost_targets.py": "what a command may cost, calculated by hand",
    "benchmarks/fake_kinesis.py": "answers as DynamoDB does, whatever the request holds",
    "benchmarks/published_consumer.py": "a row of the accounts by owner",
    "benchmarks/projector_batches.py": "records as the baseline reads them, made without this project's rows",
    "benchmarks/projector_baseline.py": "a conventional projector, for comparison",
    "benchmarks/resource_baseline.py": "a conventional store, for comparison",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(HOME):
                yield name, ast.parse(path.read_text())


def repetitions(module: ast.Module) -> set[str]:
    """The strings that name an attribute, and the calculations with the snapshot interval."""
    found = set()
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and (node.value in NAMES or EXPRESSION.search(node.value))
        ):
            found.add(repr(node.value))
        if isinstance(node, ast.BinOp) and _calculates_with_the_interval(node):
            found.add(ast.unparse(node))
    return found


def _calculates_with_the_interval(node: ast.BinOp) -> bool:
    operands = {ast.unparse(side) for side in (node.left, node.right)}
    divides = isinstance(node.op, ast.FloorDiv | ast.Mod) and bool(operands & {"9", "10"})
    return divides or "SNAPSHOT_EVERY" in operands


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    return {name: what for name, module in sources() if (what := repetitions(module))}


def test_no_other_module_repeats_the_layout(found: dict[str, set[str]]) -> None:
    assert {name: what for name, what in found.items() if not name.startswith(tuple(EXCEPTIONS))} == {}


def test_every_exemption_is_needed(found: dict[str, set[str]]) -> None:
    assert [each for each in EXCEPTIONS if not any(name.startswith(each) for name in found)] == []


@pytest.mark.parametrize(
    "source",
    [
        'item["AccountId"]["S"]',
        'case = {"Version": {"N": "1"}}',
        'f"AccountId = :account_id AND {condition}"',
        '"attribute_not_exists(Version)"',
        '"Version BETWEEN :first AND :last"',
        "version % 10",
        "(sequence - 1) // 9",
        "SNAPSHOT_EVERY - 1",
    ],
)
def test_a_repetition_is_found(source: str) -> None:
    assert repetitions(ast.parse(source))


@pytest.mark.parametrize("source", ['"accounts by Owner"', '"Version is wrong"', "10 * seconds", "row[VERSION]"])
def test_other_code_is_accepted(source: str) -> None:
    assert not repetitions(ast.parse(source))
