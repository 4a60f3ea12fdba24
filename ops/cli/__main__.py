"""Where `account-events` begins.

Most of a short command's time is what it imports, so that those which analysts call again and again import their own
part only. `schema check` and `schema publish` have to: they must work while a schema is broken or not published yet,
and then everything that imports the codec, as other commands do, fails at its import.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import typer

PROGRAM = "account-events"
INTERRUPTED = 130
_SCHEMA = (["schema", "check"], ["schema", "publish"])
ALONE = {
    "query": "ops.cli.query",
    "reconcile": "ops.cli.reconcile",
    "replay": "ops.cli.replay",
    "report": "ops.cli.report",
}
"""The module whose `app` has this one command. All commands together are `ops.cli.app`'s."""


def main() -> NoReturn:
    """Every way to end is one line and an exit code."""
    try:
        _main()
    except KeyboardInterrupt:  # while it still imports; what is begun ends by itself
        sys.exit(INTERRUPTED)


def _main() -> NoReturn:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 -- closed: nobody wants it
        else:
            stream.reconfigure(errors="replace")  # a terminal without Unicode is no reason to end
    if sys.argv[1:3] in _SCHEMA:
        _alone("ops.cli.schema", "schema")(prog_name=PROGRAM)
        sys.exit(0)
    from ops.cli.exit_handling import run_to_its_end  # noqa: PLC0415 -- of commands that may import anything, see above

    command = sys.argv[1] if len(sys.argv) > 1 else ""
    run_to_its_end(_alone(ALONE[command]) if command in ALONE else import_module("ops.cli.app").app, PROGRAM)


def _alone(module: str, name: str | None = None) -> typer.Typer:
    """One module's command, or group of commands by this name, as it is among all of them."""
    commands = typer.Typer(add_completion=False, rich_markup_mode="rich")
    commands.callback()(lambda: None)  # or the only sub-command would take the place of its parent
    commands.add_typer(import_module(module).app, name=name)
    return commands
