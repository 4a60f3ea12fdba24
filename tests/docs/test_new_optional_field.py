"""docs/evolving-events.md, "a new optional field", in a copy of the project: four files edited by hand, no more.

The copy's generators and tests run in processes that import the copy's packages.
"""

from pathlib import Path

import pytest

from tests.support.releases import NEW_FIELD, Release

GENERATED = {
    "schemas/fingerprints.json",
    "schemas/history/digests.json",
    "schemas/history/BalanceCredited/4.avsc",
    "template.yaml",
    "consumers/lake/tables/account_history.sql",
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
def release(tmp_path: Path) -> Release:
    return Release.of_this_checkout(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_new_optional_field_takes_four_edited_files(release: Release) -> None:
    before = contents(release.folder)
    release.edit(NEW_FIELD)
    release.command("schema", "publish", "BalanceCredited")
    release.python("-m", "tools.template")
    release.python("-m", "tools.events_doc")
    after = contents(release.folder)
    assert {name for name in after if after[name] != before.get(name)} == NEW_FIELD.keys() | GENERATED
    release.command("schema", "check")
    release.python("-c", IN_THE_LAKE)
    checks = ("tests/unit/lake/test_table.py", "tests/template/test_schemas.py")
    release.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *checks)
