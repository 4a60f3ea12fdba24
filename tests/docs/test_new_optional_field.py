"""docs/evolving-events.md, "a new optional field", in a copy of the project: four files edited by hand, no more.

The copy's generators and tests run in processes that import the copy's packages.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("account_core", "account_events", "consumers", "ops", "projector", "schemas", "tests", "tools")
FILES = ("template.yaml", "docs/lake.md", "docs/events.md", "pyproject.toml")

COMMAND = "from ops.cli.__main__ import main; main()"

FIELD = (
    '{"name": "row_version", "type": ["null", "string"], "default": null, '
    '"doc": "The version of the row in the table; null where it was not recorded."}'
)

EDITS = {
    "schemas/BalanceCredited.avsc": (
        '    {\n      "name": "amount",\n',
        f'    {FIELD},\n    {{\n      "name": "amount",\n',
    ),
    "projector/translate.py": (
        'return "BalanceCredited", fields | {"amount": amount}',
        'return "BalanceCredited", fields | {"amount": amount, "row_version": str(row.version)}',
    ),
    "account_events/consumer/events.py": (
        '    """Money was put into an account."""\n\n    amount: Decimal\n',
        '    """Money was put into an account."""\n\n    row_version: str | None\n    amount: Decimal\n',
    ),
    "consumers/lake/table.py": (
        "    SCHEMA_FINGERPRINT,\n)\n",
        '    SCHEMA_FINGERPRINT,\n    event_field("row_version"),\n)\n',
    ),
}
"""By file: a text that occurs once in it, and the replacement."""

GENERATED = {
    "schemas/fingerprints.json",
    "schemas/history/digests.json",
    "schemas/history/BalanceCredited/3.avsc",
    "template.yaml",
    "consumers/lake/tables/events.sql",
    "docs/lake.md",
    "docs/events.md",
}

IN_THE_LAKE = """
import json, tempfile
from pathlib import Path
from consumers.lake.delivery.parquet import arrow_schema, parquet
from consumers.lake.rows import Rows
from consumers.lake.table import COLUMNS, partition_prefix
from account_core.domain.events import EventRow
from account_events.consumer import Decoder
from ops.lake.query.duckdb_engine import DuckDBEngine
from projector.outgoing import outgoing
from tests.support.ledger_and_lake import history
from tests.support.lake import put
from tests.unit.lake.reconcile_given import LedgerAndLake

schema = arrow_schema([(column.name, column.glue_type) for column in COLUMNS])
rows = [row for row in history("a-1", "10.00", "0.50") if isinstance(row, EventRow)]
made = [Rows(Decoder(), "2020-01-01").row(outgoing(row, 0).data, None) for row in rows]

def reconciled(change):
    with tempfile.TemporaryDirectory() as folder:
        given = LedgerAndLake(Path(folder), rows, [])
        for number, row in enumerate(made):
            put(given.folder / partition_prefix(row.dt, row.event_type) / f"{number}.parquet",
                parquet([change(json.loads(row.line))], schema))
        shown = DuckDBEngine(folder).query("SELECT sequence, row_version FROM events ORDER BY sequence").rows
        return shown, [finding.differences for finding in given.reconciled()[1]]

shown, findings = reconciled(lambda line: line)
assert shown == [(1, None), (2, "2"), (3, "3")], shown
assert findings == [], findings
_, findings = reconciled(lambda line: line | {"row_version": "9"} if line["sequence"] == 3 else line)
[[difference]] = findings
assert (difference.field, difference.ledger, difference.lake) == ("row_version", "3", "9"), difference
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the steps and their checks need."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_new_optional_field_takes_four_edited_files(project: Path) -> None:
    before = contents(project)
    for name, (was, now) in EDITS.items():
        text = (project / name).read_text(encoding="utf-8")
        assert text.count(was) == 1, name
        (project / name).write_text(text.replace(was, now), encoding="utf-8")
    python(project, "-c", COMMAND, "schema", "publish", "BalanceCredited")
    python(project, "-m", "tools.template")
    python(project, "-m", "tools.events_doc")
    after = contents(project)
    assert {name for name in after if after[name] != before.get(name)} == EDITS.keys() | GENERATED
    python(project, "-c", COMMAND, "schema", "check")
    python(project, "-c", IN_THE_LAKE)
    checks = ("tests/unit/lake/test_table.py", "tests/template/test_schemas.py")
    python(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *checks)


def python(project: Path, *arguments: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 -- this interpreter, with the test's own arguments
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
