"""The zip of the Glue job has everything that the job imports of this project: a clean interpreter imports it.

Spark is replaced, because its environment is not needed for this (tests/spark has the job itself). Of other packages,
only those are allowed that Glue has or that template.yaml names.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.lake.spark.job_code import code, modules

PROGRAM = """
import importlib.abc, json, sys
from unittest.mock import MagicMock

OTHERS = {"boto3", "botocore", "fastavro", "dateutil", "six", "jmespath", "s3transfer", "urllib3"}
OURS = {"account_core", "account_events", "consumers", "local_stack", "ops", "projector", "tests"}
sys.path = [sys.argv[1], *(each for each in sys.path if "python3" in each and "site-packages" not in each)]
packages = sys.argv[2]


class Spark(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"py4j", "pyarrow", "pyspark"}:
            return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__getattr__ = lambda name: MagicMock()


class Others(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in OTHERS:
            return importlib.machinery.PathFinder.find_spec(name, path or [packages])


import importlib.machinery, importlib.util
sys.meta_path = [Spark(), *sys.meta_path, Others()]
import ops.lake.spark.compaction_job
import ops.lake.spark.job
print(json.dumps([each.__file__ for name, each in sys.modules.items() if name.split(".")[0] in OURS and each.__file__]))
"""


def imported(archive: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Import the job from this zip, in an interpreter that sees neither the repository nor its environment."""
    import fastavro  # noqa: PLC0415 -- only its place matters

    packages = str(Path(fastavro.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(archive), packages]
    return subprocess.run(  # noqa: S603 -- no input
        command, check=False, capture_output=True, text=True, cwd=folder, env={"TMPDIR": str(folder)}
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "reconcile.zip"
    path.write_bytes(code()[0].content)
    return path


def test_the_job_is_imported_from_its_zip_alone(archive: Path, tmp_path: Path) -> None:
    done = imported(archive, tmp_path)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)
    assert len(files) > 30
    assert all(Path(each).is_relative_to(tmp_path) for each in files)


def test_a_module_that_is_missing_in_the_zip_is_found(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = {name: content for name, content in modules().items() if name != "ops/lake/reconcile/differences.py"}
    monkeypatch.setattr("ops.lake.spark.job_code.modules", lambda: lacking)
    archive.write_bytes(code()[0].content)
    done = imported(archive, tmp_path)
    assert "No module named 'ops.lake.reconcile.differences'" in done.stderr


def test_the_zip_has_every_schema_and_no_test() -> None:
    names = set(modules())
    assert "schemas/AccountCreated.avsc" in names
    assert "schemas/fingerprints.json" in names
    assert any(name.startswith("schemas/history/") for name in names)
    assert {name.split("/")[0] for name in names} <= {
        *("account_core", "account_events", "consumers", "local_stack", "ops", "projector", "schemas"),
    }
