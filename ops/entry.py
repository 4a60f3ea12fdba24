"""Where `account-events` begins.

`schema check` and `schema publish` run by themselves: they have to work while a schema is broken or not published yet,
and then everything that imports the codec, as other commands do, fails at its import.
"""

import sys
from typing import NoReturn

import typer

_ALONE = (["schema", "check"], ["schema", "publish"])


def main() -> NoReturn:
    """Every way to end is one line and an exit code; see `ops.cli.main` for the other commands."""
    if sys.argv[1:3] in _ALONE:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without Unicode
        _schema_commands()(prog_name="account-events")
    else:
        from ops.cli import main as others  # noqa: PLC0415 -- it imports the codec, see above

        others()
    sys.exit(0)


def _schema_commands() -> typer.Typer:
    from ops.schema_commands import app  # noqa: PLC0415 -- nor do the others need it twice

    commands = typer.Typer(add_completion=False)
    commands.callback()(lambda: None)  # or the only sub-command would take the place of its parent
    commands.add_typer(app, name="schema")
    return commands
