"""If the KCL and Spark cannot run, one line states the reason and the remedy. Shell scripts replace Java here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kcl.java import JavaMissing, find_java

ROOT = Path(__file__).parents[2]


def program(folder: Path, answer: str) -> Path:
    """Create a folder with a `java` that prints an answer on standard error."""
    folder.mkdir()
    file = folder / "java"
    file.write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
    file.chmod(0o755)
    return folder


@pytest.mark.parametrize("answer", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "25" 2025-09-16'])
def test_java_17_and_newer_are_found(tmp_path: Path, answer: str) -> None:
    folder = program(tmp_path / "bin", answer)
    assert find_java({"PATH": str(folder)}) == str(folder / "java")
    assert find_java({"PATH": "", "JAVA_HOME": str(tmp_path)}) == str(folder / "java")


@pytest.mark.parametrize("answer", ['java version "1.8.0_392"', 'openjdk version "11.0.22" 2024-01-16', "no version"])
def test_an_older_java_is_rejected(tmp_path: Path, answer: str) -> None:
    with pytest.raises(JavaMissing, match="Java 17 or newer was not found") as missing:
        find_java({"PATH": str(program(tmp_path / "bin", answer))})
    assert answer in str(missing.value)


def test_without_java_the_run_fails_with_one_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.kcl.java"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (1, "")
    [line] = run.stderr.splitlines()
    assert line.startswith("The KCL and Spark cannot run: Java 17 or newer was not found (no java on PATH). Install it")


def test_a_java_home_without_java_is_named(tmp_path: Path) -> None:
    with pytest.raises(JavaMissing, match=f"{tmp_path}/bin/java does not run"):
        find_java({"PATH": "", "JAVA_HOME": str(tmp_path)})
