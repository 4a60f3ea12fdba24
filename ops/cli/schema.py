"""The commands `schema check` and `schema publish`.

This module must not import the codec or the encoder: they load the schemas at import, and `check` has to work when the
schemas cannot be loaded.
"""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from account_events.avro.schemas_path import SCHEMAS
from ops.lake.query.column_names import why_no_column
from ops.schema_gate import schema_folder
from ops.schema_gate.gate import UNPUBLISHED, Files, check
from ops.schema_gate.publication import Plan, plan
from ops.schema_gate.refusal import Refusal

app = typer.Typer(no_args_is_help=True, help="Check and publish the event schemas.")
out = Console()
err = Console(stderr=True)
Folder = Annotated[
    Path, typer.Option(help="Folder that holds <Name>.avsc and history/. Omit it to use this project's.")
]


@app.command("check")
def check_schemas(
    folder: Folder = SCHEMAS,
    *,
    allow_unpublished: Annotated[
        bool, typer.Option("--allow-unpublished", help="Accept valid schemas that are not published yet.")
    ] = False,
) -> None:
    """Check the working schemas against every published version. Exit code 1 if anything is refused."""
    files = _read(folder)
    refused = check(files, why_no_column)
    waiting = [refusal for refusal in refused if allow_unpublished and refusal.rule == UNPUBLISHED]
    for refusal in waiting:
        out.print(f"[bold yellow]![/] {escape(str(refusal))}", soft_wrap=True, highlight=False)
    _end_if_refused([refusal for refusal in refused if refusal not in waiting])
    versions = sum(map(len, files.published.values()))
    out.print(
        f"[bold green]✓[/] {len(files.working)} events, {versions} published versions: every version "
        "can be read with every other version of its event.",
        soft_wrap=True,
        highlight=False,
    )


@app.command()
def publish(
    name: Annotated[
        str | None, typer.Argument(help="Name of the event. Omit it to publish every changed schema.")
    ] = None,
    folder: Folder = SCHEMAS,
) -> None:
    """Publish the working schemas as their next versions, if the check passes. It is safe to repeat."""
    planned = _plan(_read(folder), name)
    _end_if_refused(planned.refused)
    try:
        schema_folder.write(folder, planned.writes)
    except KeyboardInterrupt:
        err.print("interrupted: run `account-events schema publish` again to finish", highlight=False)
        raise
    except OSError as error:
        _fail(
            f"{error.strerror or error}. Every file is either complete or unchanged: correct the problem, then run the "
            "command again."
        )
    for event, version in planned.published.items():
        out.print(f"[bold green]✓[/] {event} is published as version {version}", highlight=False)
    for path in planned.writes:
        out.print(f"[dim]wrote {escape(path)}[/]", soft_wrap=True, highlight=False)
    if not planned.writes:
        out.print("Nothing to do: every working schema is published.", highlight=False)
    elif planned.published:
        out.print(
            "Commit these files together. For the next steps, see docs/evolving-events.md.",
            soft_wrap=True,
            highlight=False,
        )


def _plan(files: Files, name: str | None) -> Plan:
    try:
        return plan(files, name, why_no_column)
    except LookupError as error:
        _fail(str(error.args[0]))


def _read(folder: Path) -> Files:
    try:
        return schema_folder.read(folder)
    except OSError as error:
        if error.errno is None:  # raised by `schema_folder`
            _fail(str(error))
        _fail(
            f"{error.filename}: {error.strerror}. A schema must be a readable file: correct or remove it, then run the "
            "command again."
        )


def _end_if_refused(refused: list[Refusal]) -> None:
    for refusal in refused:
        err.print(f"[bold red]✗[/] {escape(str(refusal))}", soft_wrap=True, highlight=False)
    if refused:
        err.print(f"{len(refused)} refused", highlight=False)
        sys.exit(1)


def _fail(text: str) -> NoReturn:
    err.print(f"[bold red]✗[/] {escape(text)}", soft_wrap=True, highlight=False)
    sys.exit(1)
