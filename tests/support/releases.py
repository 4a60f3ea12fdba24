"""Releases of this project: copies of its files, with edits, that run and are deployed as a checkout of them would."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local_stack.build import PACKAGES, build_zip
from local_stack.local_deployment import STACK_NAME, LocalDeployment

ROOT = Path(__file__).parents[2]
FOLDERS = (
    *("account_core", "account_events", "consumers", "local_stack", "ops", "projector"),
    *("requirements", "schemas", "tests", "tools"),
)
FILES = ("template.yaml", "docs/lake.md", "docs/events.md", "pyproject.toml")
HISTORY = "history"
COMMAND = "from ops.cli.__main__ import main; main()"
DEPLOY = """
import json, sys
from pathlib import Path
from local_stack.build import build_zip
from local_stack.deploy import deploy

endpoint_url, stack_name, parameters, functions, zips = sys.argv[1:]
built = {name: build_zip(name, "local") for name in json.loads(functions)}
others = {name: Path(path) for name, path in json.loads(zips).items()}
deploy(endpoint_url, stack_name, json.loads(parameters), others | built)
"""

Edits = Mapping[str, tuple[str, str]]
"""By file: a text that occurs once in it, and the replacement."""

FIELD = (
    '{"name": "row_version", "type": ["null", "string"], "default": null, '
    '"doc": "The version of the row in the table; null where it was not recorded."}'
)
NEW_FIELD: Edits = {
    "schemas/BalanceCredited.avsc": (
        '    {\n      "name": "amount",\n',
        f'    {FIELD},\n    {{\n      "name": "amount",\n',
    ),
    "projector/translate.py": (
        'return "BalanceCredited", fields | {"amount": amount, ',
        'return "BalanceCredited", fields | {"row_version": str(row.version), "amount": amount, ',
    ),
    "account_events/consumer/events.py": (
        '    """Money was put into an account."""\n\n    amount: Decimal\n',
        '    """Money was put into an account."""\n\n    row_version: str | None\n    amount: Decimal\n',
    ),
    "consumers/lake/table.py": (
        '    event_field("counterparty_account_id"),\n)\n',
        '    event_field("counterparty_account_id"),\n    event_field("row_version"),\n)\n',
    ),
}
"""The files that are edited by hand for a new optional field (docs/evolving-events.md)."""


@dataclass(frozen=True, slots=True)
class Release:
    """A copy of the project in `folder`."""

    folder: Path

    @classmethod
    def of_this_checkout(cls, folder: Path) -> Self:
        """Copy the project."""
        release = cls(folder)
        release.copy_from(ROOT)
        shutil.copytree(ROOT / "schemas" / HISTORY, folder / "schemas" / HISTORY)
        return release

    def copy_from(self, checkout: Path) -> None:
        """Copy everything but the published schemas."""
        for name in FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__", HISTORY)
            shutil.copytree(checkout / name, self.folder / name, ignore=ignored, dirs_exist_ok=True)
        (self.folder / "docs").mkdir(exist_ok=True)
        for name in FILES:
            shutil.copy(checkout / name, self.folder / name)

    def edit(self, edits: Edits) -> None:
        for name, (was, now) in edits.items():
            text = (self.folder / name).read_text(encoding="utf-8")
            assert text.count(was) == 1, name
            (self.folder / name).write_text(text.replace(was, now), encoding="utf-8")

    def command(self, *arguments: str) -> None:
        """Run `account-events` of this release."""
        self.python("-c", COMMAND, *arguments)

    def python(self, *arguments: str) -> None:
        """Run Python with the release's packages."""
        own = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(  # noqa: S603 -- this interpreter, with the test's own arguments
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def deploy(self, deployment: LocalDeployment, functions: Collection[str] = ()) -> None:
        """Deploy the release to the local stack, as `sam build` and `sam deploy` do on AWS.

        Args:
            deployment: a running local stack.
            functions: logical ids of the functions whose code is the release's. If it differs from this checkout's, it
                is built, which takes seconds. The other functions get this checkout's code.
        """
        zips = {name: build_zip(name, "local") for name in PACKAGES}
        cache = self.folder / ".build"
        cache.mkdir(exist_ok=True)
        for name in functions:
            shutil.copy(zips[name], cache)
        others = {name: str(path) for name, path in zips.items() if name not in functions}
        arguments = {"Target": "local", "Auth": deployment.auth}, list(functions), others
        texts = [json.dumps(each) for each in arguments]
        self.python("-c", DEPLOY, deployment.address.endpoint_url, STACK_NAME, *texts)
