"""The projector as its process starts: with the schemas that it finds there, also where `assert` is compiled away."""

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
def tomorrow(tmp_path: Path) -> Path:
    """The project's schemas, to be changed and published."""
    shutil.copytree(ROOT / "account_events", tmp_path / "account_events", ignore=shutil.ignore_patterns("__pycache__"))
    return shutil.copytree(ROOT / "schemas", tmp_path / "schemas")


@pytest.mark.parametrize("flags", [[], ["-O"]])
def test_the_projector_starts_with_schemas_of_tomorrow(tomorrow: Path, flags: list[str]) -> None:
    published(tomorrow, "InterestPaid", lambda _: None)
    published(tomorrow, "BalanceCredited", add_field)
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
        env={"PYTHONPATH": f"{tomorrow.parent}:{ROOT}"},
        cwd=tomorrow.parent,
    )
    assert ran.returncode == 0, ran.stderr
    created, credited, withdrawn = ran.stdout.split("\n")[:3]
    assert credited == ""  # its field is not filled: parked
    assert [decode(bytes.fromhex(data)).name for data in (created, withdrawn)] == ["AccountCreated", "BalanceWithdrawn"]
