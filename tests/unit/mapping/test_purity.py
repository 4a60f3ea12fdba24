import ast
from pathlib import Path

import pytest

import ops.mapping

BANNED = {"boto3", "botocore", "os", "time", "random", "uuid", "threading"}
PURE = (
    "config",
    "destination",
    "errors",
    "filters",
    "lineage",
    "outcome",
    "records",
    "retry",
    "shard",
    "source",
    "status",
)


@pytest.mark.parametrize("module", PURE)
def test_the_core_takes_time_and_ids_as_arguments(module: str) -> None:
    tree = ast.parse((Path(ops.mapping.__path__[0]) / f"{module}.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    assert not imported & BANNED
