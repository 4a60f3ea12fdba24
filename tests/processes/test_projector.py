"""The projector in its own process: it loads the schemas that it finds, with `assert` statements or without."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from account_events.avro.codec import decode
from tests.unit.projector.test_fast import add_field, batch_of, published

ROOT = Path(__file__).parents[2]


@pytest.fixture
def newer_schemas(tmp_path: Path) -> Path:
    """A copy of the project's schemas, in which a test publishes newer ones."""
    shutil.copytree(ROOT / "account_events", tmp_path / "account_events", ignore=shutil.ignore_patterns("__pycache__"))
    return shutil.copytree(ROOT / "schemas", tmp_path / "schemas")


@pytest.mark.parametrize("flags", [[], ["-O"]])
def test_the_projector_starts_with_newer_schemas(newer_schemas: Path, flags: list[str]) -> None:
    published(newer_schemas, "InterestPaid", lambda _: None)
    published(newer_schemas, "BalanceCredited", add_field)
    code = """
import json, sys
from projector.parse import parse
for arrival in parse(json.load(sys.stdin)).arrivals["account-1"]:
    print(getattr(arrival, "data", b"").hex())
"""
    ran = subprocess.run(  # noqa: S603 -- our own interpreter and code
        [sys.executable, *flags, "-c", code],
        input=json.dumps(batch_of(3)),
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{newer_schemas.parent}:{ROOT}"},
        cwd=newer_schemas.parent,
    )
    assert ran.returncode == 0, ran.stderr
    created, credited, withdrawn = ran.stdout.split("\n")[:3]
    assert credited == ""  # parked: the projector does not fill the new field
    assert [decode(bytes.fromhex(data)).name for data in (created, withdrawn)] == ["AccountCreated", "BalanceWithdrawn"]
