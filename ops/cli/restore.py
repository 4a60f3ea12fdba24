"""The commands that put rows back into the ledger's table. docs/backup.md describes when to use which."""

import json
import random
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from account_events.streams.kinesis_source import KinesisSource
from account_events.streams.reader import ShardReader
from ops.cli.exit_handling import on_interruption
from ops.cli.options import AccountIds, AllAccounts, ReadUnitsMax, Stack
from ops.cli.transfers import print_unpaired, transfer_check
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.ledger.scan import check_ledger, with_transfers
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.pace import READ_UNITS_MAX, ReadPace
from ops.replay.selection import Accounts, Everything
from ops.replay.source import parts_of
from ops.restore.copied_rows import Difference, RowsPutBack, differences
from ops.restore.errors import RestoreRefused
from ops.restore.guards import require_copy, require_unused
from ops.restore.import_templates import with_resource, without
from ops.restore.published_events import AccountEvents, in_lake, on_stream
from ops.restore.put_back import PutBack, put_published, put_snapshots
from ops.restore.table import LedgerTable
from ops.terminal import counted, err, out, print_error

app = typer.Typer(no_args_is_help=True, help="Put rows back into the accounts table after a loss (docs/backup.md).")
AGAIN = "what was stored stays; run the command again"
MARGIN = timedelta(days=1)
"""How long before the backup an event may have occurred that the backup lacks."""
SHOWN_MAX = 20
PROGRESS_EVERY = 1_000
TABLE = "AccountsTable"
"""The table's logical id in template.yaml."""


@app.command(epilog="Example: account-events restore rows accounts-copy --stack account-events --write")
def rows(
    copy: Annotated[str, typer.Argument(metavar="COPY", help="Name of a table that was restored from a backup.")],
    account_ids: AccountIds = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Store the rows that the live table lacks.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --write, also replace rows whose values differ from the copy's.")
    ] = False,
    read_units_max: ReadUnitsMax = READ_UNITS_MAX,
    stack: Stack = None,
) -> None:
    """Compare a restored copy of the accounts table with the live table, and put rows back.

    Rows that only the live table has are newer than the backup and stay as they are. No row is overwritten without
    --replace, none that changes meanwhile, and none that is an event of its own. Without account ids, all accounts are
    compared. If rows of some accounts only are put back, their transfers are checked: one half of a transfer may be on
    another account. Exit code 1 if rows of the copy are still missing or different, if no row was compared, or if the
    events of a transfer do not agree.
    """
    if replace and not write:
        raise typer.BadParameter("--replace needs --write")
    with on_interruption(AGAIN):
        deployment = Deployment.connect(stack)
        dynamodb = deployment.client("dynamodb")
        copied, live = LedgerTable(dynamodb, copy), LedgerTable(dynamodb, deployment.outputs["TableName"])
        require_copy(copied, live)
        stop = threading.Event()
        source = DynamoDBSource(dynamodb, copied.name, wait=stop.wait, jitter=random.random)
        parts = parts_of(Accounts(tuple(account_ids)) if account_ids else Everything(), 1)
        compared: list[int] = []
        pace = ReadPace(read_units_max, time.monotonic, stop.wait)
        found = differences(source, parts, live, pace, compared.append)
        stored, remaining = _restored(found, RowsPutBack(live, replace=replace) if write else None)
        unpaired = set[str]()
        if write and account_ids:
            with transfer_check() as transfers:
                checks = check_ledger(dynamodb, live.name, account_ids, wait=time.sleep)
                for _ in with_transfers(dynamodb, live.name, checks, transfers, is_whole=False):
                    pass
                unpaired = print_unpaired(transfers.unpaired(), transfers.young())
    out.print(
        f"{counted(sum(compared), 'row')} of {copy} compared with {live.name}: {stored} stored, {remaining} missing or "
        "different",
        highlight=False,
        soft_wrap=True,
    )
    if not sum(compared):
        print_error("no row was compared: the copy is empty, or it does not have these accounts")
    if remaining and not write:
        err.print(
            "Nothing was changed: --write stores missing rows, --write --replace also those that differ.",
            soft_wrap=True,
        )
    if remaining or unpaired or not sum(compared):
        sys.exit(1)


@app.command(epilog="Example: account-events restore events --stack account-events")
def events(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The first day, in UTC, whose published events are read. The default is the day before the backup, or "
            "the lake's first day if the table was not restored from a backup.",
        ),
    ] = None,
    stack: Stack = None,
) -> None:
    """Store the published events that a restored table lacks, from the lake and from the event stream.

    Refuses to run while the table is in use: the API must be stopped, the projector disabled, and the table without a
    stream. Exit code 1 if an event could not be stored.
    """
    with on_interruption(AGAIN):
        deployment = Deployment.connect(stack)
        table = LedgerTable(deployment.client("dynamodb"), deployment.outputs["TableName"])
        mapping = None if deployment.is_local else deployment.outputs["MappingId"]
        require_unused(table, deployment.client("lambda"), deployment.outputs["ApiFunctionName"], mapping)
        first = since.replace(tzinfo=UTC) if since else first_day(deployment, table)
        err.print(f"reading the events published since {first:%Y-%m-%d}", highlight=False)
        done = put_published(
            [lambda: _in_lake(deployment, first), lambda: _on_stream(deployment, first)], table, _Progress()
        )
    for account_id, finding in list(done.findings.items())[:SHOWN_MAX]:
        print_error(f"{account_id}: {finding}")
    out.print(
        f"{counted(done.events, 'event')} and {counted(done.snapshots, 'snapshot')} of "
        f"{counted(len(done.accounts), 'account')} stored"
        + (f"; {counted(len(done.findings), 'account')} could not be completed" if done.findings else ""),
        highlight=False,
    )
    if done.findings:
        sys.exit(1)


@app.command(epilog="Example: account-events restore snapshots --all --stack account-events")
def snapshots(account_ids: AccountIds = None, *, everyone: AllAccounts = False, stack: Stack = None) -> None:
    """Store snapshots that are missing or wrong, computed from the account's events.

    It is safe on a table in use: a snapshot follows from the events before it, and only snapshots are replaced. Exit
    code 1 if an account has findings that its snapshots do not explain, or if the events of a transfer do not agree;
    they are printed.
    """
    if bool(account_ids) + everyone != 1:
        raise typer.BadParameter("give exactly one of: account ids, --all")
    with on_interruption(AGAIN):
        deployment = Deployment.connect(stack)
        dynamodb, name = deployment.client("dynamodb"), deployment.outputs["TableName"]
        stored, remaining = 0, list[str]()
        with transfer_check() as transfers:
            checks = check_ledger(dynamodb, name, account_ids or None, wait=time.sleep)
            checks = with_transfers(dynamodb, name, checks, transfers, is_whole=everyone)
            for check, count in put_snapshots(checks, LedgerTable(dynamodb, name)):
                stored += count
                [again] = check_ledger(dynamodb, name, [check.account_id], wait=time.sleep) if count else [check]
                remaining += [f"{check.account_id}: {finding}" for finding in again.findings]
                if not check.rows:
                    remaining.append(f"{check.account_id}: the table has no row of this account")
            for finding in remaining[:SHOWN_MAX]:
                print_error(finding)
            left = len(remaining) + len(print_unpaired(transfers.unpaired(), transfers.young()))
    out.print(
        f"{counted(stored, 'snapshot')} stored" + (f"; {counted(left, 'finding')} left" if left else ""),
        highlight=False,
    )
    if left:
        sys.exit(1)


@app.command(epilog="Example: account-events restore templates import --stack account-events")
def templates(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder for the files. It is created if needed.")],
    stack: Stack = None,
) -> None:
    """Write the files with which a restored table is taken into its stack by a CloudFormation import.

    Enable the table's stream first, because the templates contain its ARN.
    """
    deployment = Deployment.connect(stack)
    stacks, name = deployment.client("cloudformation"), deployment.outputs["StackName"]
    described = LedgerTable(deployment.client("dynamodb"), deployment.outputs["TableName"]).describe()
    if not described.get("StreamSpecification", {}).get("StreamEnabled"):
        raise RestoreRefused(f"The table {described['TableName']} has no stream: enable it first (docs/backup.md).")
    body = stacks.get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    if TABLE not in template["Resources"]:
        raise RestoreRefused(
            f"The stack's template has no {TABLE}: the stack was already updated to the template without the table. "
            "Continue with the import, with the files that this command wrote before (docs/backup.md)."
        )
    [described_stack] = stacks.describe_stacks(StackName=name)["Stacks"]
    kept = [{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in described_stack["Parameters"]]
    values = {"": described["TableName"], "Arn": described["TableArn"], "StreamArn": described["LatestStreamArn"]}
    without_table = without(template, TABLE, values)
    imported = [
        {
            "ResourceType": "AWS::DynamoDB::Table",
            "LogicalResourceId": TABLE,
            "ResourceIdentifier": {"TableName": described["TableName"]},
        }
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "without-table.json": without_table,
        "with-table.json": with_resource(without_table, template, TABLE),
        "resources-to-import.json": imported,
        "parameters.json": kept,
    }.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
        out.print(str(folder / name), highlight=False, markup=False, soft_wrap=True)


def _restored(found: Iterable[Difference], rows: RowsPutBack | None) -> tuple[int, int]:
    """Puts rows back, or only compares, and prints each row that stays as it is. Returns the stored and other rows."""
    stored = remaining = 0
    for each in found:
        kind = "missing" if each.live is None else "different"
        reason = rows.put(each) if rows else ("another event" if each.is_another_event else each.damage)
        if rows and not reason:
            stored += 1
            continue
        remaining += 1
        if remaining <= SHOWN_MAX:
            print_error(f"row {each.key} is {kind}" + (f": {reason}" if reason else ""))
    if remaining > SHOWN_MAX:
        err.print(f"and {remaining - SHOWN_MAX} more")
    return stored, remaining


def first_day(deployment: Deployment, table: LedgerTable) -> datetime:
    """The day before the backup from which the table was restored; the lake's first day if there was none."""
    lake_begins = datetime.fromisoformat(deployment.outputs["LakeFirstDay"]).replace(tzinfo=UTC)
    restored_to = table.describe().get("RestoreSummary", {}).get("RestoreDateTime")
    return max(lake_begins, restored_to.astimezone(UTC) - MARGIN) if restored_to else lake_begins


def _in_lake(deployment: Deployment, since: datetime) -> Iterator[AccountEvents]:
    return in_lake(Lake.of(deployment).duckdb().connection, since)


def _on_stream(deployment: Deployment, since: datetime) -> Iterator[AccountEvents]:
    source = KinesisSource(deployment.client("kinesis"), deployment.outputs["EventStreamArn"])
    return on_stream(ShardReader(source, time.time), deployment.codec(), since, time.sleep)


class _Progress:
    """Prints a line after every thousandth account."""

    def __init__(self) -> None:
        self._accounts = 0

    def __call__(self, done: PutBack) -> None:
        self._accounts += 1
        if self._accounts % PROGRESS_EVERY == 0:
            err.print(f"[dim]{self._accounts} accounts compared, {done.events} events stored[/]", highlight=False)
