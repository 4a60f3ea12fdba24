"""Checks template.yaml with checkov: `python -m tools.template_scan`.

checkov itself succeeds if it cannot read the template. This command then fails.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHECKOV = (
    *(str(ROOT / ".venv-security/bin/checkov"), "--framework", "cloudformation"),
    *("--skip-download", "--output", "json"),
)


def scan(template: Path) -> int:
    """Check a template, print each check that fails, and return the exit code."""
    command = [*CHECKOV, "--file", str(template)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 -- no input
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return _failed(f"checkov did not run: {done.stderr or done.stdout}")
    counts = found.get("summary", found)  # the counts alone if it checked nothing
    if counts["parsing_errors"] or not counts["passed"]:
        return _failed(f"checkov cannot read {template}: {done.stderr or 'it finds no resource to check'}")
    for failed in found["results"]["failed_checks"]:
        print(f"{failed['resource']}: {failed['check_id']} {failed['check_name']}")  # noqa: T201 -- a command's output
    print(f"checkov: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")  # noqa: T201
    return done.returncode


def _failed(reason: str) -> int:
    print(reason.strip(), file=sys.stderr)  # noqa: T201 -- a command's output
    return 1


if __name__ == "__main__":
    sys.exit(scan(Path("template.yaml")))
