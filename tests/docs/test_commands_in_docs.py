"""Commands that the documents, the template and error messages name can be called: each command and option exists."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from ops.cli.app import app

ROOT = Path(__file__).parents[2]
SOURCES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *(
        path
        for folder in ("account_events", "ops", "local_stack", "projector", "consumers")
        for path in sorted(ROOT.glob(f"{folder}/**/*.py"))
    ),
    ROOT / "template.yaml",
]
COMMAND = re.compile(r"`account-events ([^`]*)`|^ *(?:\$ )?account-events (.+)$", re.MULTILINE)
PAST = "CHANGELOG.md"


def faults(text: str) -> list[str]:
    """The commands in the text that cannot be called."""
    found = (quoted or own_line for quoted, own_line in COMMAND.findall(text))
    return [f"{line}: {fault}" for line in found if (fault := fault_in(line.partition(" #")[0]))]


def fault_in(line: str) -> str | None:
    command = typer.main.get_command(app)
    words = shlex.split(line.replace("...", ""))
    if words[:1] in ([], ["COMMAND"], ["--help"], ["--version"]):
        return None
    while isinstance(command, TyperGroup):
        if not words:
            return None
        name = words.pop(0)
        if name not in command.commands:
            return f"no command {name}"
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in {*options, "--help"}]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name != PAST], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_command_named_exists_with_its_options(path: Path) -> None:
    assert faults(path.read_text()) == []


def test_a_wrong_command_or_option_is_found() -> None:
    assert faults(
        "`account-events relpay --all`, `account-events replay --everything` or `account-events replay --all`"
    ) == [
        "relpay --all: no command relpay",
        "replay --everything: no option --everything",
    ]
