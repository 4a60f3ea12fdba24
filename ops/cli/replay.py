"""The command `replay`: domain events once more, from the table."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import ReadUnitsMax, Stack
from ops.deployment.stack import Deployment
from ops.replay.engine import SEGMENTS
from ops.replay.errors import WrongCall
from ops.replay.file_format import FileFormat
from ops.replay.pace import READ_UNITS_MAX
from ops.replay.run import ReplayRequest, ReplayRun, Target
from ops.replay.selection import Accounts, Everything, Selection, time_range

app = typer.Typer()
SEGMENTS_MAX = 64
STREAM_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


@app.command(
    "replay",
    epilog="Example: account-events replay --all --to-file events.jsonl\n\n"
    "Example: account-events replay --from 2026-01-01T00:00:00Z --to-stream new-consumer --stack account-events",
)
def command(
    account_ids: Annotated[list[str] | None, typer.Option("--account", help="An account; may be repeated.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Events from this time on: ISO 8601, with offset.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Events before this time.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All events of all accounts.")] = False,
    to_stream: Annotated[str | None, typer.Option(help="A Kinesis stream, by its name.")] = None,
    to_file: Annotated[Path | None, typer.Option(help="A file that is not there yet.")] = None,
    to_stdout: Annotated[bool, typer.Option("--to-stdout", help="Standard output.")] = False,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="Of a file: lines of JSON, or each event behind its length.")
    ] = "jsonl",
    live: Annotated[
        bool, typer.Option("--live", help="Let it be the stack's own stream: every consumer gets the events again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, write nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run was interrupted.")] = False,
    checkpoint: Annotated[Path | None, typer.Option(help="Where to keep how far it is.")] = None,
    segments: Annotated[int, typer.Option(help="Read so many pages at once.", min=1, max=SEGMENTS_MAX)] = SEGMENTS,
    read_units_max: ReadUnitsMax = READ_UNITS_MAX,
    page_rows: Annotated[
        int | None, typer.Option(help="Rows to a page; as many as 1 MB holds if left out.", min=1)
    ] = None,
    table: Annotated[str | None, typer.Option(help="Another table than the stack's: a restored copy, say.")] = None,
    stack: Stack = None,
) -> None:
    """Send domain events once more, from the table: the same ids and values, of each account in order.

    To a stream, a file or stdout. It can be stopped at any time and goes on with --resume; at worst, events are on the
    stream twice. Exit code 1 if an account has a row that makes no event: it is replayed up to there.
    """
    target = Target(to_stream, to_file, to_stdout, file_format)
    if to_file is not None and checkpoint is not None and to_file.resolve() == checkpoint.resolve():
        raise typer.BadParameter("the checkpoint cannot be in the file it is about")
    _check_target(target, dry_run=dry_run, is_kept=resume or checkpoint is not None)
    selection = _selection(account_ids, from_, until, everything=everything)
    deployment = Deployment.connect(stack)
    if to_stream == deployment.outputs["EventStreamName"] and not live and not dry_run:
        raise WrongCall(f"{to_stream} is the stack's own stream, whose consumers would all get duplicates: --live.")
    order = ReplayRequest(selection, target, segments, read_units_max, page_rows, dry_run, resume, checkpoint, table)
    if not ReplayRun(deployment, order).go():
        sys.exit(1)


def _selection(account_ids: list[str] | None, from_: str | None, until: str | None, *, everything: bool) -> Selection:
    has_times = from_ is not None or until is not None
    if bool(account_ids) + has_times + everything != 1:
        raise typer.BadParameter("give either --account, or --from and --until or one of them, or --all")
    if account_ids:
        if "" in account_ids:
            raise typer.BadParameter("an account's id is not empty")
        return Accounts(tuple(dict.fromkeys(account_ids)))
    return time_range(from_, until) if has_times else Everything()


def _check_target(target: Target, *, dry_run: bool, is_kept: bool) -> None:
    given = (target.stream is not None) + (target.file is not None) + target.to_stdout
    if given > 1 or not (given or dry_run):
        raise typer.BadParameter("give one of --to-stream, --to-file and --to-stdout, or --dry-run")
    if target.stream is not None and not STREAM_NAME.fullmatch(target.stream):
        raise typer.BadParameter(f"{target.stream!r} is no name of a stream")
    if is_kept and (dry_run or target.to_stdout):
        raise typer.BadParameter("a dry run, and what goes to stdout, has no checkpoint and cannot be resumed")
