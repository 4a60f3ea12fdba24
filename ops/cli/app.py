"""All commands of `account-events`, the operators' command line."""

import sys
import time
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from account_events import __version__
from account_events.avro.errors import ContractError
from local_stack.emulator import forget_aws_settings
from local_stack.errors import CommandError
from local_stack.event_stream import EventStreamReader, PublishedEvent
from local_stack.local_deployment import LocalDeployment
from ops.cli.console import app as console_command
from ops.cli.doctor import app as doctor_command
from ops.cli.export import app as export_command
from ops.cli.faults import app as faults_commands
from ops.cli.lake import app as lake_commands
from ops.cli.lake_compact import app as lake_compact_commands
from ops.cli.lake_repair import app as lake_repair_commands
from ops.cli.options import AccountIds
from ops.cli.owners import app as owners_commands
from ops.cli.query import app as query_command
from ops.cli.reconcile import app as reconcile_command
from ops.cli.release import app as release_commands
from ops.cli.replay import app as replay_command
from ops.cli.report import app as report_command
from ops.cli.restore import app as restore_commands
from ops.cli.schema import app as schema_commands
from ops.cli.statement import app as statement_command
from ops.cli.steps import out, steps
from ops.cli.transfers import print_unpaired, transfer_check
from ops.cli.up import AUTHORISATIONS, Auth, Port
from ops.cli.up import app as up_command
from ops.cli.why import app as why_command
from ops.demo.demo import Demo, DemoResult
from ops.demo.lake import check_lake_and_report
from ops.deployment.stack import Deployment
from ops.ledger.scan import check_ledger, with_transfers
from ops.terminal import counted, print_error

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Run and operate Account Events.", rich_markup_mode="markdown"
)
app.add_typer(up_command)
app.add_typer(console_command)
app.add_typer(release_commands)
app.add_typer(query_command)
app.add_typer(doctor_command)
app.add_typer(why_command)
app.add_typer(reconcile_command)
app.add_typer(faults_commands, name="faults")
app.add_typer(export_command)
app.add_typer(replay_command)
app.add_typer(report_command)
app.add_typer(statement_command)
app.add_typer(owners_commands, name="owners")
lake_commands.add_typer(lake_compact_commands)
lake_commands.add_typer(lake_repair_commands)
app.add_typer(lake_commands, name="lake")
app.add_typer(restore_commands, name="restore")
app.add_typer(schema_commands, name="schema")
err = Console(stderr=True)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 -- as Typer calls it
    if is_asked:
        out.print(__version__, highlight=False)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the release and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Run and operate Account Events."""


POLL_S = 0.3
CHECK_PROGRESS_EVERY = 1_000


@app.command()
def demo(port: Port = None, auth: Auth = "iam") -> None:
    """Start a local stack, send commands through it, check that its parts agree, and stop it.

    Exit code 1 if they do not agree.
    """
    forget_aws_settings()
    started = time.monotonic()
    with steps() as step, LocalDeployment(port, step, AUTHORISATIONS[auth]) as deployment:
        result = Demo(deployment, step).run()
        step("comparing the lake with the ledger and writing the daily report")
        report = check_lake_and_report(deployment, result.failures)
        step("stopping")
    _show(result)
    out.print(f"The demo took {time.monotonic() - started:.0f} s.")
    if result.failures:
        for failure in result.failures:
            err.print(f"[bold red]✗[/] {escape(failure)}", soft_wrap=True, highlight=False)
        sys.exit(1)
    out.print(
        "[bold green]✓[/] API, table, stream, read model and lake agree: every event, in order, no gaps, to the cent."
    )
    out.print("Daily report, to open in a browser:")
    out.print(str(report), highlight=False, markup=False, soft_wrap=True)


@app.command()
def tail(
    *,
    from_start: Annotated[bool, typer.Option(help="Start with the oldest event on the stream.")] = False,
) -> None:
    """Print the domain events of the running local stack as they arrive. Ctrl-C ends it."""
    local = Deployment.connect(None)
    reader = EventStreamReader(
        local.client("kinesis"), local.outputs["EventStreamName"], "TRIM_HORIZON" if from_start else "LATEST"
    )
    try:
        reader.open()
        err.print(f"[dim]following {reader.stream_name}; press Ctrl-C to stop[/]")
        while True:
            shown = 0
            for published in reader.poll():
                _print_event(published)
                shown += 1
            if not shown:
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        return  # Ctrl-C is how this command ends
    except (BotoCoreError, ClientError) as error:
        raise CommandError(
            f"The local stack does not answer: {str(error)[:200]}. Start it again with make up."
        ) from None
    except ContractError as error:
        raise CommandError(f"A record on the stream cannot be decoded: {error}") from None


@app.command(epilog="Example: account-events check 0b8e9c1a --table account-events-AccountsTable")
def check(
    account_ids: AccountIds = None,
    *,
    table: Annotated[
        str | None,
        typer.Option(
            help="Name of a table on AWS, read with your AWS settings. Omit it to check the running local stack."
        ),
    ] = None,
) -> None:
    """Recompute accounts from their events, compare each row and snapshot, and check that transfers are whole.

    Without account ids, all accounts are checked. With them, the accounts that their transfers name are read as well,
    for their events of these transfers. Transfers of the last minute are not checked yet. Exit code 1 if a row is
    wrong, or if the events of a transfer do not agree.
    """
    if table is None:
        local = Deployment.connect(None)
        client, table = local.client("dynamodb"), local.outputs["TableName"]
    else:
        client = boto3.client("dynamodb")
    accounts = rows = 0
    wrong: set[str] = set()
    with transfer_check() as transfers:
        checks = check_ledger(client, table, account_ids or None, wait=time.sleep)
        for found in with_transfers(client, table, checks, transfers, is_whole=not account_ids):
            accounts, rows = accounts + 1, rows + found.rows
            findings = found.findings if found.rows else ["the table has no row of this account"]
            wrong |= {found.account_id} if findings else set()
            for finding in findings:
                print_error(f"{found.account_id}: {finding}")
            if accounts % CHECK_PROGRESS_EVERY == 0:
                err.print(f"[dim]{counted(accounts, 'account')}, {counted(rows, 'row')} so far[/]", highlight=False)
        wrong |= print_unpaired(transfers.unpaired(), transfers.young())
    out.print(
        f"{counted(accounts, 'account')}, {counted(rows, 'row')}: {counted(len(wrong), 'account')} with findings",
        highlight=False,
    )
    if wrong:
        sys.exit(1)


def _show(result: DemoResult) -> None:
    table = Table(title="Accounts", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("account", no_wrap=True)
    for heading in ("balance", "rows", "snapshots"):
        table.add_column(heading, justify="right")
    table.add_column("on Kinesis")
    for account_id, found in result.audits.items():
        table.add_row(
            account_id,
            str(result.balances.get(account_id, found.balance)),
            str(found.rows),
            str(found.snapshots),
            _ranges(found.published) + (f"  (+{found.duplicates} repeated)" if found.duplicates else ""),
        )
    out.print(table)
    audits = result.audits.values()
    totals = Table(show_header=False, box=None)
    accepted = result.accepted.total() - len(result.transfers)  # a transfer makes two events
    for name, figure in (
        ("accounts opened", len(result.audits)),
        ("commands sent", accepted + result.answers[422] + result.answers[409]),
        ("  accepted", accepted),
        ("    of which transfers", len(result.transfers)),
        ("  refused by the domain (422)", result.answers[422]),
        ("  conflicts on a busy account (409)", result.answers[409]),
        ("forced version conflicts, resolved", result.conflicts),
        ("rows in the table", sum(found.rows for found in audits)),
        ("  of which snapshots", sum(found.snapshots for found in audits)),
        ("events on Kinesis", sum(len(found.published) for found in audits)),
    ):
        totals.add_row(name, str(figure))
    out.print(totals)


def _ranges(sequences: list[int]) -> str:
    """Sequences without a gap as a range, "1..25"; others as a list of numbers."""
    if sequences and sequences == list(range(sequences[0], sequences[-1] + 1)):
        return f"{sequences[0]}..{sequences[-1]}"
    return ", ".join(map(str, sequences)) or "none"


def _print_event(published: PublishedEvent) -> None:
    event = published.event
    fields = dict(event.fields)
    head = f"{fields.pop('account_id')} #{fields.pop('sequence')}"
    rest = "  ".join(f"{name}={value}" for name, value in fields.items() if name != "event_id" and value is not None)
    out.print(f"[bold cyan]{event.name:<17}[/] {head}  [dim]{rest}[/]", soft_wrap=True, highlight=False)
