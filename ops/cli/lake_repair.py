"""The commands that repair the lake: `lake redrive` puts failed records back, `lake backfill` writes missing events."""

import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from ops.cli.exit_handling import on_interruption
from ops.cli.options import AccountIds, AllAccounts, FromExport, ReadUnitsMax, Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_errors import translated
from ops.lake.reconcile.grace import GRACE_S_MAX, cut_us, grace_of
from ops.lake.repair.backfill import SCHEMA, MissingSink
from ops.lake.repair.ports import S3Bucket, invoker, reasons_in
from ops.lake.repair.redrive import Redrive, Redriven
from ops.lake.repair.staged import StagedFiles
from ops.replay.pace import READ_UNITS_MAX
from ops.replay.reading import Ledger, replayed
from ops.replay.selection import Accounts, Everything
from ops.terminal import counted, err, out, print_error

app = typer.Typer()
INVOKE_TIMEOUT_S = 70.0
"""Longer than the function's own timeout."""
FAILING_SHOWN_MAX = 5
"""Failing records printed per object."""


@app.command(epilog="Example: account-events lake redrive --stack account-events --dry-run")
def redrive(
    stack: Stack = None,
    *,
    dry_run: Annotated[bool, typer.Option(help="Show what would be put back, and change nothing.")] = False,
) -> None:
    """Retry the records that Firehose could not deliver: run the deployed function on them, and write the rows.

    Records that succeed move to redriven/ in the lake's bucket. Records that still fail stay in errors/ and are listed
    with the reason. You can interrupt the command and run it again. Exit code 1 if a record still fails.
    """
    with on_interruption("nothing is lost; run the command again"):
        lake = Lake.of(Deployment.connect(stack))
        reopening = lake.reopening()
        bucket = S3Bucket(lake.s3, lake.bucket)
        work = Redrive(
            bucket,
            invoker(lake.deployment.client("lambda", INVOKE_TIMEOUT_S), lake.outputs["LakeTransformFunctionName"]),
            reasons_in(bucket, lambda: datetime.now(UTC)),
            lambda: str(uuid.uuid4()),
            lake.outputs["EventStreamArn"],
            lake.outputs["LakeFirstDay"],
            reopening,
        )
        if dry_run:
            _show_dry_run(work.preview())
            return
        with reopening:
            failing = _show_outcomes(work.run())
    if failing:
        sys.exit(1)


@app.command(epilog="Example: account-events lake backfill --all --stack account-events")
def backfill(
    account_ids: AccountIds = None,
    *,
    everyone: AllAccounts = False,
    from_export: FromExport = None,
    stack: Stack = None,
    read_units_max: ReadUnitsMax = READ_UNITS_MAX,
    grace_s: Annotated[
        float | None,
        typer.Option(
            "--grace-s",
            help="Age in seconds below which an event is left out, because it may still be on its way. The default is "
            "the longest time that a delivery to this stack's lake takes.",
            min=0,
            max=GRACE_S_MAX,
        ),
    ] = None,
) -> None:
    """Write the events that the ledger has and the lake lacks.

    Use it for events that `reconcile` reports as missing, and to fill a lake that is younger than its table. Events
    that may still be on their way are left out. Files are verified before the first one is in the lake. You can
    interrupt the command and run it again. Exit code 1 if an event cannot be written, or if a row of an account is
    missing or is not a valid event.
    """
    if bool(account_ids) + everyone != 1:
        raise typer.BadParameter("give exactly one of: account ids, --all")
    selection = Everything() if everyone else Accounts(tuple(dict.fromkeys(account_ids or ())))
    with on_interruption("files that are already in the lake stay; run the command again"), _folder() as folder:
        deployment = Deployment.connect(stack)
        lake = Lake.of(deployment)
        connection = lake.duckdb().connection
        with translated(connection):
            sink = MissingSink(
                connection,
                folder,
                Rows(Decoder(deployment.codec()), lake.outputs["LakeFirstDay"]),
                selection.account_ids if isinstance(selection, Accounts) else None,
                cut_us(datetime.now(UTC), grace_of(lake) if grace_s is None else grace_s),
            )
            result = replayed(
                Ledger(
                    deployment.client("dynamodb"),
                    lake.s3,
                    deployment.outputs["TableName"],
                    lambda: deployment.outputs["LedgerExportsName"],
                ),
                selection,
                sink,
                from_export=from_export,
                read_units_max=read_units_max,
                encoders=deployment.encoders(),
            )
            files = rows = 0
            with (
                StagedFiles(S3Bucket(lake.s3, lake.bucket), str(uuid.uuid4()), SCHEMA) as staged,
                lake.reopening() as reopen,
            ):
                for key, count in sink.save(staged, reopen):
                    err.print(f"[dim]{key}[/]", highlight=False, soft_wrap=True)
                    files, rows = files + 1, rows + count
    for account_id, sequence, reason in sink.refused:
        print_error(f"{account_id} event {sequence}: {reason}")
    out.print(
        f"{counted(rows, 'event')} written to {counted(files, 'file')}, of {counted(result.counts.events, 'event')} of "
        f"{counted(result.counts.accounts, 'account')}"
        + (f"; {sink.young} left out, because they may be on their way" if sink.young else ""),
        highlight=False,
        soft_wrap=True,
    )
    if sink.refused or result.stopped:
        sys.exit(1)


def _show_dry_run(objects: Iterable[Redriven]) -> None:
    count = parts = 0
    for each in objects:
        count, parts = count + 1, parts + each.rows
        _print(f"{each.key}: {counted(each.documents, 'record')}, {counted(each.rows, 'event')}")
        _print_failing(each)
    out.print(f"{counted(count, 'object')} with {counted(parts, 'event')}; nothing was changed", highlight=False)


def _show_outcomes(objects: Iterable[Redriven]) -> int:
    """Print the outcomes; returns how many records still fail."""
    count = rows = failing = 0
    for each in objects:
        count, rows, failing = count + 1, rows + each.rows, failing + len(each.failing)
        still = f", {len(each.failing)} still fail" if each.failing else ""
        _print(f"{each.key}: {counted(each.rows, 'event')} put back{still}")
        _print_failing(each)
    out.print(f"{counted(count, 'object')}: {counted(rows, 'event')} put back, {failing} still fail", highlight=False)
    return failing


def _print(text: str) -> None:
    """Print a line without interpreting markup, which an object's name could contain."""
    out.print(text, highlight=False, soft_wrap=True, markup=False, emoji=False)


def _print_failing(each: Redriven) -> None:
    for failing in each.failing[:FAILING_SHOWN_MAX]:
        print_error(f"line {failing.line}: {failing.reason}")
    if len(each.failing) > FAILING_SHOWN_MAX:
        err.print(f"and {len(each.failing) - FAILING_SHOWN_MAX} more", highlight=False)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
