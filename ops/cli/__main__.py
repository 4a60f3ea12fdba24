"""The entry point of `account-events`.

Imports take most of a short command's time, so the commands that analysts run often import only their own module.
`schema check` and `schema publish` must do so as well, because they have to work while a schema is broken or not
published. The codec, which all other commands need, cannot be imported then.
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
    "console": "ops.cli.console",
    "doctor": "ops.cli.doctor",
    "query": "ops.cli.query",
    "reconcile": "ops.cli.reconcile",
    "replay": "ops.cli.replay",
    "report": "ops.cli.report",
    "why": "ops.cli.why",
}
"""Commands whose module has an `app` with only this command. `ops.cli.app` has all commands."""


def main() -> NoReturn:
    """Runs the command line and exits with its code."""
    try:
        _main()
    except KeyboardInterrupt:  # during the imports; once a command runs, it handles Ctrl-C itself
        sys.exit(INTERRUPTED)


def _main() -> NoReturn:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 -- the caller closed the stream
        else:
            stream.reconfigure(errors="replace")  # for terminals without Unicode
    if sys.argv[1:3] in _SCHEMA_COMMANDS:
        _commands_of("ops.cli.schema", "schema")(prog_name=PROGRAM)
        sys.exit(0)
    from ops.cli.exit_handling import run_and_exit  # noqa: PLC0415 -- this module imports the codec, see above

    command = sys.argv[1] if len(sys.argv) > 1 else ""
    run_and_exit(
        _commands_of(SINGLE_COMMANDS[command]) if command in SINGLE_COMMANDS else import_module("ops.cli.app").app,
        PROGRAM,
    )


def _commands_of(module: str, name: str | None = None) -> typer.Typer:
    """An application with the module's single command or, if a name is given, with its group of commands."""
    commands = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    commands.callback()(lambda: None)  # without a callback, Typer drops the name of a single command
    commands.add_typer(import_module(module).app, name=name)
    return commands


if __name__ == "__main__":
    main()
