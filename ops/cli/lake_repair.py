"""The commands that mend the lake: `lake redrive` puts failures back, `lake backfill` writes what is missing."""

import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import boto3
import typer
from botocore.config import Config

from account_events.consumer import Decoder
from consumers.lake.delivery.contract import BadAnswer
from consumers.lake.rows import Rows
from local_stack.address import Address
from local_stack.emulator import HouseError
from ops.deployment.stack import AWS_CLIENTS
from ops.lake.query.duckdb_errors import translated
from ops.lake.query.engine import QueryFailed
from ops.lake.reconcile.grace import GRACE_S_MAX, cut_us
from ops.lake.reconcile.run import READ_UNITS_MAX, grace_of
from ops.lake.repair.backfill import MissingSink
from ops.lake.repair.ports import FunctionFailed, S3Bucket, invoked, reasons_in
from ops.lake.repair.redrive import Redrive, Redriven
from ops.lake.stack_lake import Lake
from ops.replay.display import Display
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import SEGMENTS, ReplayResult, replay
from ops.replay.errors import ReplayError
from ops.replay.pace import ReadPace
from ops.replay.run import Bank
from ops.replay.selection import Accounts, Everything, Selection
from ops.replay.state import Counts
from ops.terminal import complain, err, out

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

app = typer.Typer()
INVOKE_TIMEOUT_S = 70.0
"""The function itself ends before that."""
FAILING_TOLD_MAX = 5
"""Of an object."""

Stack = Annotated[
    str | None, typer.Option(help="A stack on AWS, with your AWS settings; the running house's if left out.")
]


@app.command(epilog="Example: account-events lake redrive --stack account-events --dry-run")
def redrive(
    stack: Stack = None, *, dry_run: Annotated[bool, typer.Option(help="Tell what there is, and do nothing.")] = False
) -> None:
    """Put what could not be made rows through the deployed function once more, and into the lake.

    What has got there is moved to redriven/ in the lake's bucket; what still fails stays and is told. Safe to interrupt
    and to run again. Exit code 1 if something still fails.
    """
    with _explained("interrupted: nothing is lost, run it again"):
        lake = Lake.of(stack)
        bucket = S3Bucket(lake.s3, lake.bucket)
        work = Redrive(
            bucket,
            invoked(_functions(stack), lake.outputs["LakeTransformFunctionName"]),
            reasons_in(bucket, lambda: datetime.now(UTC)),
            lambda: str(uuid.uuid4()),
            lake.outputs["EventStreamArn"],
            lake.outputs["LakeFirstDay"],
        )
        if dry_run:
            _show_what_there_is(work.look())
            return
        failing = _show_what_became(work.run())
    if failing:
        sys.exit(1)


@app.command(epilog="Example: account-events lake backfill --all --stack account-events")
def backfill(
    account_ids: Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT", help="Accounts.")] = None,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="All accounts of the ledger.")] = False,
    stack: Stack = None,
    read_units_max: Annotated[
        float, typer.Option(help="Take so many of the ledger's read units a second, on average.", min=0.5)
    ] = READ_UNITS_MAX,
    grace_s: Annotated[
        float | None,
        typer.Option(
            "--grace-s",
            help="Leave out events younger than so many seconds; as the stack buffers.",
            min=0,
            max=GRACE_S_MAX,
        ),
    ] = None,
) -> None:
    """Write the events that the ledger has and the lake has not.

    For what `reconcile` names as missing, and to fill the lake of a table that is older than it. Events that may be on
    their way are left to the delivery. Safe to interrupt and to run again. Exit code 1 if an event cannot be written.
    """
    if bool(account_ids) + everyone != 1:
        raise typer.BadParameter("give either accounts, or --all")
    selection = Everything() if everyone else Accounts(tuple(dict.fromkeys(account_ids or ())))
    with _explained("interrupted: what is written stays, run it again"), _folder() as folder:
        lake, bank = Lake.of(stack), Bank.of(stack, None)
        connection = lake.duckdb().connection
        with translated(connection):
            sink = MissingSink(
                connection,
                folder,
                Rows(Decoder(bank.codec), lake.outputs["LakeFirstDay"]),
                selection.account_ids if isinstance(selection, Accounts) else None,
                cut_us(datetime.now(UTC), grace_of(lake) if grace_s is None else grace_s),
            )
            result = _replayed(bank, selection, sink, read_units_max)
            files = rows = 0
            for key, count in sink.save(S3Bucket(lake.s3, lake.bucket).put):
                err.print(f"[dim]{key}[/]", highlight=False, soft_wrap=True)
                files, rows = files + 1, rows + count
    for account_id, sequence, reason in sink.refused:
        complain(f"{account_id} event {sequence}: {reason}")
    out.print(
        f"{rows} events written to {files} files, of {result.counts.events} events of {result.counts.accounts} accounts"
        + (f"; {sink.young} may be on their way" if sink.young else ""),
        highlight=False,
        soft_wrap=True,
    )
    if sink.refused or result.stopped:
        sys.exit(1)


def _replayed(bank: Bank, selection: Selection, sink: MissingSink, read_units_max: float) -> ReplayResult:
    stop = threading.Event()
    source = DynamoDBSource(bank.dynamodb, bank.table_name, wait=stop.wait, roll=random.random)
    size = source.size()
    with (
        Display(err, None if isinstance(selection, Accounts) else size.read_units, Counts()) as display,
        ThreadPoolExecutor(SEGMENTS) as executor,
        _set_at_the_end(stop),
    ):
        result = replay(
            source,
            selection,
            sink,
            executor=executor,
            pace=ReadPace(read_units_max, time.monotonic, stop.wait),
            page_units=size.page_units(SEGMENTS),
            save=lambda state: display.tell(state.counts),
            encoders=bank.encoders,
        )
    for stopped in result.stopped:
        complain(
            f"{stopped.account_id} ends in front of event {stopped.sequence}, row {stopped.version}: {stopped.reason}"
        )
    return result


@contextmanager
def _set_at_the_end(stop: threading.Event) -> Iterator[None]:
    """Interrupted, the executor's threads are to wait for their turns no longer."""
    try:
        yield
    finally:
        stop.set()


def _functions(stack: str | None) -> "LambdaClient":
    if stack is None:
        client: LambdaClient = Address.find().client("lambda", INVOKE_TIMEOUT_S)
        return client
    return boto3.client("lambda", config=AWS_CLIENTS.merge(Config(read_timeout=INVOKE_TIMEOUT_S)))


def _show_what_there_is(objects: Iterable[Redriven]) -> None:
    count = parts = 0
    for each in objects:
        count, parts = count + 1, parts + each.rows
        _tell(f"{each.key}: {each.documents} records, {each.rows} events")
        _tell_failing(each)
    out.print(f"{count} objects with {parts} events; nothing was changed", highlight=False)


def _show_what_became(objects: Iterable[Redriven]) -> int:
    """How many records still fail."""
    count = rows = failing = 0
    for each in objects:
        count, rows, failing = count + 1, rows + each.rows, failing + len(each.failing)
        still = f", {len(each.failing)} still fail" if each.failing else ""
        _tell(f"{each.key}: {each.rows} events put back{still}")
        _tell_failing(each)
    out.print(f"{count} objects: {rows} events put back, {failing} still fail", highlight=False)
    return failing


def _tell(text: str) -> None:
    """A line as it is: what somebody named an object may look like markup."""
    out.print(text, highlight=False, soft_wrap=True, markup=False, emoji=False)


def _tell_failing(each: Redriven) -> None:
    for failing in each.failing[:FAILING_TOLD_MAX]:
        complain(f"line {failing.line}: {failing.reason}")
    if len(each.failing) > FAILING_TOLD_MAX:
        err.print(f"and {len(each.failing) - FAILING_TOLD_MAX} more", highlight=False)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _explained(interrupted: str) -> Iterator[None]:
    try:
        yield
    except (ReplayError, QueryFailed, FunctionFailed, BadAnswer) as error:
        raise HouseError(str(error)) from None
    except KeyboardInterrupt:
        err.print(interrupted, highlight=False)
        raise
