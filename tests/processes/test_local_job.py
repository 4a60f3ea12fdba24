"""A Spark job on this machine: its messages are read, and what Java writes between them is not."""

from pathlib import Path

import pytest

from ops.lake.spark import local_job
from ops.lake.spark.local_job import SparkFailed, run_job

JOB = """\
#!/bin/sh
echo '[0.005s][info][gc] Using Serial'
echo '{"doing": "starting Spark"}'
echo '5'
printf '\\377\\n'
echo '{"doing": "sorting"}'
echo '# A fatal error has been detected by Java'
echo
"""


def job(folder: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> list[str]:
    """Run a job that ends like this; returns its steps."""
    program, steps = folder / "python", list[str]()
    program.write_text(JOB + end)
    program.chmod(0o700)
    monkeypatch.setattr(local_job, "PYTHON", program)
    try:
        run_job("compaction_job", {}, folder, steps.append)
    finally:
        assert steps == ["starting Spark", "sorting"]
    return steps


def test_lines_of_java_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert job(tmp_path, monkeypatch, "exit 0")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("exit 134", "The Spark job ended with the code 134: # A fatal error has been detected by Java"),
        ("echo E >&2; exit 1", "The Spark job ended with the code 1: E. Before: # A fatal error has been detected by"),
        ('echo \'{"refused": "no Java"}\'; exit 1', "no Java"),
    ],
)
def test_a_failed_job_has_its_last_lines_in_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, message: str
) -> None:
    with pytest.raises(SparkFailed, match=f"^{message}"):
        job(tmp_path, monkeypatch, end)
