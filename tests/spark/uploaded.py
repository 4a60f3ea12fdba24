"""The job's code as `account-events lake job` uploads it reconciles as on Glue. Needs `.venv-spark`: `make test-spark`.

Because of its name, pytest does not collect this file by default.
"""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ops.lake.reconcile.result import Files, from_json
from ops.lake.spark.job_code import code
from tests.spark.environment import PYTHON, environment
from tests.spark.given import by_local
from tests.support.corruptions import CORRUPTIONS, sides
from tests.support.exports import TABLE, write_files
from tests.unit.lake.reconcile_given import GRACE, NOW

pytestmark = pytest.mark.timeout(600)  # each starts Spark
GLUES_OWN = ("--JOB_NAME", "reconcile", "--job-bookmark-option", "job-bookmark-disable", "--TempDir", "s3://x/")

Ran = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Ran:
    """Run the script outside the repository, with the zip of the modules as Glue's --extra-py-files."""
    modules, script = code()
    (tmp_path / "reconcile.zip").write_bytes(modules.content)
    (tmp_path / "reconcile.py").write_bytes(script.content)

    def of(**options: object) -> "subprocess.CompletedProcess[str]":
        given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        return subprocess.run(  # noqa: S603 -- no input
            [PYTHON, tmp_path / "reconcile.py", *GLUES_OWN, *given, "--cores", "1"],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(str(tmp_path / "reconcile.zip")),
        )

    return of


def test_it_has_the_result_of_the_engine_local(run: Ran, tmp_path: Path) -> None:
    [corruption] = [each for each in CORRUPTIONS if each.name == "amount"]
    items, rows = corruption.make(*sides())
    expected, _ = by_local(tmp_path / "lake", items, rows)
    export = write_files(tmp_path / "export", items, export_time=NOW)
    result = tmp_path / "result.json"
    done = run(
        export=export,
        lake=tmp_path / "lake",
        table_arn=TABLE.arn,
        first_day="",
        grace_s=GRACE.total_seconds(),
        result=result,
    )
    assert done.returncode == 0, done.stderr
    found = from_json(result.read_bytes())
    assert found.differing == expected.differing == 1
    assert replace(found, files=Files()) == replace(expected, files=Files())


def test_a_refused_export_ends_the_script_with_its_reason(run: Ran, tmp_path: Path) -> None:
    """Glue shows the message of the error."""
    export = write_files(tmp_path / "export", sides()[0], export_time=NOW)
    done = run(
        export=export,
        lake=tmp_path / "lake",
        table_arn=f"{TABLE.arn}-other",
        first_day="",
        grace_s=0,
        result=tmp_path / "result.json",
    )
    assert done.returncode != 0
    assert "BadExport" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "result.json").exists()
