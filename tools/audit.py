"""Looks up the packages in the functions' zips in a database of known vulnerabilities: `python -m tools.audit`.

The exit code is 1 if a package has one. If the database cannot be reached or does not know any vulnerabilities, the
command reports that nothing was audited and succeeds, so that `make check` works without a network.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from local_stack.build import PACKAGES

ROOT = Path(__file__).parents[1]
# The service `osv`: the other one, `pypi`, passes a package that an index does not describe, as many mirrors do.
PIP_AUDIT = (
    *(str(ROOT / ".venv-security/bin/pip-audit"), "--vulnerability-service", "osv"),
    *("--disable-pip", "--strict", "--progress-spinner", "off", "--timeout", "5"),
)
TIME_MAX_S = 60.0
VULNERABLE = "pyyaml==5.3.1"
"""A release that has had a known vulnerability for years (CVE-2020-14343). A database without it is empty, or a proxy
answers in its place."""
ACCEPTED: Mapping[str, str] = {}
"""Vulnerabilities that no update repairs and that cannot do harm here: id, and the reason."""
UNREACHABLE = re.compile(r"^(requests\.exceptions|pip_audit\._service)\..*|Could not connect to .*", re.MULTILINE)
"""The line of pip-audit's output that reports why it could not query the database."""
WARNING = re.compile(r"^WARNING", re.MULTILINE)
"""pip-audit succeeds with a warning if it skips a vulnerability whose description it does not understand."""


def audit(requirements: Iterable[Path], time_max_s: float = TIME_MAX_S) -> int:
    """Audit locked requirements, print the result, and return the exit code."""
    ignored = [f"--ignore-vuln={each}" for each in ACCEPTED]
    try:
        done = _run([*ignored, *(f"--requirement={each}" for each in requirements)], time_max_s)
        if done.returncode == 0 and not WARNING.search(done.stderr) and not _knows_vulnerabilities(time_max_s):
            return _not_audited(f"it reports no vulnerability of {VULNERABLE}")
    except subprocess.TimeoutExpired:
        return _not_audited(f"it did not answer within {time_max_s:.0f} seconds")
    if done.returncode == 0 or done.stdout.strip():  # it prints a table of the vulnerabilities
        print(done.stderr + done.stdout, end="")  # noqa: T201 -- a command's output
        return done.returncode or int(bool(WARNING.search(done.stderr)))
    if reason := UNREACHABLE.search(done.stderr):
        return _not_audited(reason[0])
    print(done.stderr, file=sys.stderr)  # noqa: T201
    return done.returncode


def _knows_vulnerabilities(time_max_s: float) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vulnerable.txt"
        path.write_text(f"{VULNERABLE} --hash=sha256:{'0' * 64}\n", encoding="utf-8")  # nothing is installed
        return _run([f"--requirement={path}"], time_max_s).returncode != 0


def _run(options: Iterable[str], time_max_s: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PIP_AUDIT, *options], check=False, capture_output=True, text=True, timeout=time_max_s)  # noqa: S603 -- no input


def _not_audited(reason: str) -> int:
    print(  # noqa: T201
        f"NOTICE: The functions' packages were NOT audited: the database of vulnerabilities cannot be used.\n"
        f"        Run `make audit` where it can be reached. The reason: {reason[:100]}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(audit(sorted({ROOT / package.requirements for package in PACKAGES.values()})))
