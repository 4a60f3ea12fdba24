"""The entry point of `account-events`.

Imports take most of a short command's time, so commands that analysts run often import only their own module. `schema
check` and `schema publish` must do so too: they have to work while a schema is broken or not published, when the import
of the codec, which all other commands need, fails.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import typer

PROGRAM = "account-events"
INTERRUPTED = 130
_SCHEMA_COMMANDS = (["schema", "check"], ["schema", "publish"])
SINGLE_COMMANDS = {
    "query": "ops.cli.query",
    "reconcile": "ops.cli.reconcile",
    "replay": "ops.cli.replay",
    "report": "ops.cli.report",
}
"""The module whose `app` has this one command. `ops.cli.app` has all commands."""


def main() -> NoReturn:
    """Runs the command line and exits with its code."""
    try:
        _main()
    except KeyboardInterrupt:  # during the imports; a running command handles its own
        sys.exit(INTERRUPTED)


def _main() -> NoReturn:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 -- it was closed by the caller
        else:
            stream.reconfigure(errors="replace")  # for terminals without Unicode
    if sys.argv[1:3] in _SCHEMA_COMMANDS:
        _commands_of("ops.cli.schema", "schema")(prog_name=PROGRAM)
        sys.exit(0)
    from ops.cli.exit_handling import run_and_exit  # noqa: PLC0415 -- it imports the codec, see above

    command = sys.argv[1] if len(sys.argv) > 1 else ""
    run_and_exit(
        _commands_of(SINGLE_COMMANDS[command]) if command in SINGLE_COMMANDS else import_module("ops.cli.app").app,
        PROGRAM,
    )


def _commands_of(module: str, name: str | None = None) -> typer.Typer:
    """An application with one module's command, or its group of commands if it has a name."""
    commands = typer.Typer(add_completion=False, rich_markup_mode="rich")
    commands.callback()(lambda: None)  # otherwise Typer would drop the name of an only command
    commands.add_typer(import_module(module).app, name=name)
    return commands
