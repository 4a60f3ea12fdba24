"""`account-events` in its own process: what it imports, and how it uses the standard streams."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.schema_files import event

ROOT = Path(__file__).parents[2]


def test_a_command_imports_only_what_it_needs() -> None:
    """Otherwise each command would start as slowly as all of them together."""
    script = (
        "import sys; sys.argv = ['account-events', 'query', '--help']\n"
        "from ops.cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)  # noqa: S603
    imported = done.stdout.split()
    assert "ops.cli.query" in imported
    assert not {"ops.cli.app", "local_stack.local_deployment", "altair"} & set(imported)


def test_a_command_works_with_closed_output_streams() -> None:
    shell = f'"{sys.executable}" -c "from ops.cli.__main__ import main; main()" query --help >&- 2>&-'
    done = subprocess.run(["sh", "-c", shell], check=False, capture_output=True, text=True)  # noqa: S603, S607
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_full_disk_is_reported_in_one_line_with_exit_code_1() -> None:
    """The write fails at the end, when Python flushes its buffer."""
    run = _run("query", stdout="/dev/full")
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert re.fullmatch(r"✗ No space left on device\. .+\.", line)


def _run(*arguments: str, stdout: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; sys.argv[0] = 'account-events'; from ops.cli.__main__ import main; main()"
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    with Path(stdout).open("w", encoding="utf-8") as file:
        return subprocess.run(  # noqa: S603 -- this Python
            [sys.executable, "-c", script, *arguments],
            check=False,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )


def test_an_error_is_reported_even_if_stdout_has_no_reader() -> None:
    script = (
        "import sys, typer; app = typer.Typer()\n"
        "from local_stack.errors import CommandError; from ops.cli.exit_handling import run_and_exit\n"
        "@app.command()\n"
        "def fail():\n"
        "    sys.stdin.readline(); print('some output', end=''); raise CommandError('It fails.')\n"
        "run_and_exit(app, 'fail')"
    )
    with subprocess.Popen(  # noqa: S603 -- this Python
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write("\n")
        process.stdin.close()
        assert (process.stderr.read(), process.wait()) == ("✗ It fails.\n", 1)


@pytest.mark.parametrize("content", ["{", json.dumps(event(name="BalanceCredited"))], ids=["not JSON", "other fields"])
def test_schema_commands_work_when_the_schemas_cannot_be_loaded(tmp_path: Path, content: str) -> None:
    """The commands start as `account-events` does, in a copy of the project whose schemas the codec refuses to load."""
    for package in ("account_core", "account_events", "consumers", "local_stack", "ops", "projector", "schemas"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "schemas/BalanceCredited.avsc").write_text(content)
    (tmp_path / "schemas/InterestPaid.avsc").write_text(json.dumps(event()))  # KeyError in the encoder
    start = f"import sys; sys.path[0] = {str(tmp_path)!r}; from ops.cli.__main__ import main; main()"
    for command in ("check", "publish"):
        done = subprocess.run(  # noqa: S603 -- our own command
            [sys.executable, "-c", start, "schema", command], cwd=tmp_path, check=False, capture_output=True, text=True
        )
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
        assert "BalanceCredited.avsc" in done.stderr
