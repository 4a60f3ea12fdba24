"""Looks up the packages in the functions' zips in a database of known vulnerabilities: `python -m tools.audit`.

The exit code is 1 if a package has one. If the database cannot be reached, the command reports that nothing was audited
and succeeds, so that `make check` works without a network.
"""

import re
import subprocess
import sys
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
ACCEPTED: Mapping[str, str] = {}
"""Vulnerabilities that no update repairs and that cannot do harm here: id, and the reason."""
UNREACHABLE = re.compile(r"^(requests\.exceptions|pip_audit\._service)\..*|Could not connect to .*", re.MULTILINE)
"""The line of pip-audit's output that reports why it could not query the database."""


def audit(requirements: Iterable[Path], time_max_s: float = TIME_MAX_S) -> int:
    """Audit locked requirements, print the result, and return the exit code."""
    options = [f"--ignore-vuln={each}" for each in ACCEPTED] + [f"--requirement={each}" for each in requirements]
    command = [*PIP_AUDIT, *options]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=time_max_s)  # noqa: S603 -- no input
    except subprocess.TimeoutExpired:
        return _not_audited(f"it did not answer within {time_max_s:.0f} seconds")
    if done.returncode == 0 or done.stdout.strip():  # it prints a table of the vulnerabilities
        print(done.stdout or done.stderr, end="")  # noqa: T201 -- a command's output
        return done.returncode
    if reason := UNREACHABLE.search(done.stderr):
        return _not_audited(reason[0])
    print(done.stderr, file=sys.stderr)  # noqa: T201
    return done.returncode


def _not_audited(reason: str) -> int:
    print(  # noqa: T201
        f"NOTICE: The functions' packages were NOT audited: the database of vulnerabilities cannot be reached.\n"
        f"        Run `make audit` where it can. The reason: {reason[:100]}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(audit(sorted({ROOT / package.requirements for package in PACKAGES.values()})))
