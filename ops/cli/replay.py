"""The command `replay`: re-publishes domain events from the table."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import FromExport, ReadUnitsMax, Stack
from ops.deployment.stack import Deployment
from ops.replay.engine import SEGMENTS
from ops.replay.errors import InvalidRequest
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
    account_ids: Annotated[
        list[str] | None, typer.Option("--account", help="Id of an account whose events to replay. May be repeated.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Replay events from this time on: ISO 8601 with an offset.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Replay events before this time: ISO 8601 with an offset.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Replay all events of all accounts.")] = False,
    to_stream: Annotated[str | None, typer.Option(help="Write to the Kinesis stream of this name.")] = None,
    to_file: Annotated[Path | None, typer.Option(help="Write to this file. It must be empty or not exist yet.")] = None,
    to_stdout: Annotated[bool, typer.Option("--to-stdout", help="Write to standard output.")] = False,
    file_format: Annotated[
        FileFormat,
        typer.Option(
            "--format",
            help="Format of a file or of standard output. jsonl: one JSON object per line. framed: for each event its "
            "length in 4 bytes, then its bytes.",
        ),
    ] = "jsonl",
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Allow the stack's own stream as the target: every consumer receives the events again."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count only; write nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint file. The default is next to the output file or, for a stream, in .account-events-replay/."
        ),
    ] = None,
    segments: Annotated[
        int, typer.Option(help="Number of segments of the table to read concurrently.", min=1, max=SEGMENTS_MAX)
    ] = SEGMENTS,
    read_units_max: ReadUnitsMax = READ_UNITS_MAX,
    page_rows: Annotated[
        int | None, typer.Option(help="Maximum rows per page. Omit it for pages of 1 MB.", min=1)
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Read this table instead of the stack's, such as a restored copy.")
    ] = None,
    from_export: FromExport = None,
    stack: Stack = None,
) -> None:
    """Re-publish domain events from the table, with the same ids and values, in order per account.

    Writes to a stream, a file or standard output. You can interrupt a run to a stream or a file at any time and
    continue it with --resume; at worst, some events are on the stream twice. Exit code 1 if a row of an account is
    missing or cannot be turned into an event: the account is replayed up to that row.

    An export has the rows as of its time, give or take a minute. Continue such a run with the same export.
    """
    target = Target(to_stream, to_file, to_stdout, file_format)
    if to_file is not None and checkpoint is not None and to_file.resolve() == checkpoint.resolve():
        raise typer.BadParameter("--checkpoint and --to-file must be different files")
    _check_target(target, dry_run=dry_run, has_checkpoint=resume or checkpoint is not None)
    selection = _selection(account_ids, from_, until, everything=everything)
    deployment = Deployment.connect(stack)
    if to_stream == deployment.outputs["EventStreamName"] and not live and not dry_run:
        raise InvalidRequest(
            f"{to_stream} is the stack's own stream: all its consumers would get duplicates. Add --live to allow it."
        )
    request = ReplayRequest(
        selection, target, segments, read_units_max, page_rows, dry_run, resume, checkpoint, table, from_export
    )
    if not ReplayRun(deployment, request).run():
        sys.exit(1)


def _selection(account_ids: list[str] | None, from_: str | None, until: str | None, *, everything: bool) -> Selection:
    has_times = from_ is not None or until is not None
    if bool(account_ids) + has_times + everything != 1:
        raise typer.BadParameter("give exactly one of: --account, --from/--until, --all")
    if account_ids:
        if "" in account_ids:
            raise typer.BadParameter("an account id must not be empty")
        return Accounts(tuple(dict.fromkeys(account_ids)))
    return time_range(from_, until) if has_times else Everything()


def _check_target(target: Target, *, dry_run: bool, has_checkpoint: bool) -> None:
    given = (target.stream is not None) + (target.file is not None) + target.to_stdout
    if given > 1 or not (given or dry_run):
        raise typer.BadParameter("give exactly one of: --to-stream, --to-file, --to-stdout; or give --dry-run")
    if target.stream is not None and not STREAM_NAME.fullmatch(target.stream):
        raise typer.BadParameter(f"{target.stream!r} is not a valid stream name")
    if has_checkpoint and (dry_run or target.to_stdout):
        raise typer.BadParameter("--resume and --checkpoint cannot be used with --dry-run or --to-stdout")
