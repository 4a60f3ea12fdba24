"""Finds Java for the KCL and Spark. `python -m tests.kcl.java` fails with one line if Java is missing or too old."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

OLDEST = 17
VERSION_TIMEOUT_S = 30.0
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class JavaMissing(Exception):
    """The KCL and Spark cannot run on this machine; the message states the reason and the remedy."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The KCL and Spark cannot run: Java {OLDEST} or newer was not found ({found}). Install it (Debian and "
            f"Ubuntu: the package openjdk-{OLDEST}-jre-headless), or set JAVA_HOME."
        )


def find_java(environment: Mapping[str, str]) -> str:
    """Return the java program of JAVA_HOME, or else the first on PATH.

    Raises:
        JavaMissing: it is missing, does not run, or is too old.
    """
    home = environment.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=environment.get("PATH", ""))
    if program is None:
        raise JavaMissing("no java on PATH")
    try:
        answer = subprocess.run(  # noqa: S603 -- no shell, fixed arguments
            [program, "-version"], check=True, capture_output=True, text=True, timeout=VERSION_TIMEOUT_S
        ).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise JavaMissing(f"{program} does not run: {type(error).__name__}") from error
    version = _VERSION.search(answer)
    if version is None or int(version[1]) < OLDEST:
        raise JavaMissing(f"{program} is {answer.splitlines()[0] if answer else 'no Java'}")
    return program


if __name__ == "__main__":
    try:
        find_java(os.environ)
    except JavaMissing as missing:
        sys.exit(str(missing))
