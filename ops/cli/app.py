"""All commands of `account-events`, the operators' command line."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Literal

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from account_core.api.access import Authorisation
from account_events import __version__
from account_events.avro.errors import ContractError
from local_stack.address import Address
from local_stack.emulator import forget_aws_settings
from local_stack.errors import CommandError
from local_stack.event_stream import EventStreamReader, PublishedEvent
from local_stack.local_deployment import LocalDeployment
from local_stack.swagger_ui import SwaggerUi
from ops.cli.curl_lines import curl_lines, describe_callers
from ops.cli.doctor import app as doctor_command
from ops.cli.faults import app as faults_commands
from ops.cli.lake import app as lake_commands
from ops.cli.lake_repair import app as lake_repair_commands
from ops.cli.owners import app as owners_commands
from ops.cli.query import app as query_command
from ops.cli.reconcile import app as reconcile_command
from ops.cli.release import app as release_commands
from ops.cli.replay import app as replay_command
from ops.cli.report import app as report_command
from ops.cli.restore import app as restore_commands
from ops.cli.schema import app as schema_commands
from ops.cli.why import app as why_command
from ops.demo.demo import Demo, DemoResult
from ops.demo.lake import check_lake_and_report
from ops.deployment.stack import Deployment
from ops.ledger.scan import check_ledger
from ops.terminal import counted

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Run and operate Account Events.", rich_markup_mode="markdown"
)
app.add_typer(release_commands)
app.add_typer(query_command)
app.add_typer(doctor_command)
app.add_typer(why_command)
app.add_typer(reconcile_command)
app.add_typer(faults_commands, name="faults")
app.add_typer(replay_command)
app.add_typer(report_command)
app.add_typer(owners_commands, name="owners")
lake_commands.add_typer(lake_repair_commands)
app.add_typer(lake_commands, name="lake")
app.add_typer(restore_commands, name="restore")
app.add_typer(schema_commands, name="schema")
out = Console()
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


Port = Annotated[
    int | None, typer.Option(help="Port of the emulator on 127.0.0.1. Omit it to use a free port.", min=1, max=65535)
]
Auth = Annotated[
    Literal["iam", "jwt"],
    typer.Option(help="How the API authenticates its callers: IAM signatures or JWT bearer tokens."),
]
AUTHORISATIONS: dict[str, Authorisation] = {"iam": "IAM", "jwt": "JWT"}
POLL_S = 0.3
CHECK_PROGRESS_EVERY = 1_000


@app.command()
def demo(port: Port = None, auth: Auth = "iam") -> None:
    """Start a local stack, send commands through it, check that its parts agree, and stop it.

    Exit code 1 if they do not agree.
    """
    forget_aws_settings()
    started = time.monotonic()
    with _steps() as step, LocalDeployment(port, step, AUTHORISATIONS[auth]) as deployment:
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
def up(
    port: Port = None,
    auth: Auth = "iam",
    *,
    faults: Annotated[
        bool, typer.Option("--faults", help="Let `account-events faults` break the local stack.")
    ] = False,
) -> None:
    """Start a local stack, print commands to try, and keep it running. Ctrl-C stops it."""
    forget_aws_settings()
    _refuse_second_stack()
    with _steps() as step, LocalDeployment(port, step, AUTHORISATIONS[auth]) as deployment:
        step("")
        with (
            replace(deployment.address, faults=faults).published(),
            deployment.browser_client() as api,
            SwaggerUi(api, deployment.auth) as ui,
            suppress(KeyboardInterrupt),  # Ctrl-C is how this command ends
        ):
            _print_commands(deployment.address, ui.url)
            reported = ""
            while True:
                deployment.assert_running()
                reported = _report_failures(deployment, reported)
                time.sleep(POLL_S)
        step("stopping")


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


@app.command()
def check(
    table: Annotated[
        str | None,
        typer.Option(
            help="Name of a table on AWS, read with your AWS settings. Omit it to check the running local stack."
        ),
    ] = None,
) -> None:
    """Recompute every account from its events and compare each row and snapshot.

    Exit code 1 if a row is wrong.
    """
    if table is None:
        local = Deployment.connect(None)
        client, table = local.client("dynamodb"), local.outputs["TableName"]
    else:
        client = boto3.client("dynamodb")
    accounts = rows = wrong = 0
    for found in check_ledger(client, table, wait=time.sleep):
        accounts, rows, wrong = accounts + 1, rows + found.rows, wrong + bool(found.findings)
        for finding in found.findings:
            err.print(f"[bold red]✗[/] {escape(found.account_id)}: {escape(finding)}", soft_wrap=True, highlight=False)
        if accounts % CHECK_PROGRESS_EVERY == 0:
            err.print(f"[dim]{counted(accounts, 'account')}, {counted(rows, 'row')} so far[/]", highlight=False)
    out.print(
        f"{counted(accounts, 'account')}, {counted(rows, 'row')}: {counted(wrong, 'account')} with findings",
        highlight=False,
    )
    if wrong:
        sys.exit(1)


def _refuse_second_stack() -> None:
    try:
        running = Address.find()
    except CommandError:
        return
    raise CommandError(
        f"A local stack is already running at {running.endpoint_url} (process {running.pid}): use it, or stop it first."
    )


def _report_failures(deployment: LocalDeployment, reported: str) -> str:
    """Prints the failures so far if they differ from `reported`, the last ones printed; returns them."""
    totals = {name: mapping.status().totals for name, mapping in deployment.mappings.items()}
    failures = "; ".join(
        f"{name}: {counted(each.failures, 'failure')}, {counted(each.discarded, 'record')} discarded"
        for name, each in totals.items()
        if each.failures
    )
    delivery = deployment.firehose.status()
    if delivery.errors or delivery.totals.failed:
        failed = ", ".join(
            f"{counted(count, 'record')} in errors/{kind}/" for kind, count in delivery.totals.failed.items()
        )
        lake = f"delivery to the lake: {counted(delivery.errors, 'error')}" + (f", {failed}" if failed else "")
        failures = f"{failures}; {lake}" if failures else lake
    if failures and failures != reported:
        err.print(f"[bold yellow]![/] {failures}", highlight=False)
    return failures


class _steps:  # noqa: N801 -- used like a function
    """A context manager that prints each step as a line and, on a terminal, shows the current one with a spinner."""

    def __enter__(self) -> Callable[[str], None]:
        self._status = out.status("") if out.is_terminal else None
        if self._status:
            self._status.start()
        return self._step

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def _step(self, text: str) -> None:
        if text:
            out.print(f"[dim]·[/] {text}", highlight=False)
        if self._status and text:
            self._status.update(text)
        elif self._status:
            self._status.stop()


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
    for name, figure in (
        ("accounts opened", len(result.audits)),
        ("commands sent", result.accepted.total() + result.answers[422] + result.answers[409]),
        ("  accepted", result.accepted.total()),
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


def _print_commands(address: Address, ui_url: str) -> None:
    out.print("\n[bold]The local stack is running.[/] Try these commands in another terminal:\n")
    for line in curl_lines(address):
        out.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"\n{describe_callers(address)}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"In a browser: {ui_url} (Swagger UI)", soft_wrap=True, highlight=False, markup=False)
    out.print("`make tail` prints the domain events as they arrive. Ctrl-C stops the local stack.", highlight=False)


def _print_event(published: PublishedEvent) -> None:
    event = published.event
    fields = dict(event.fields)
    head = f"{fields.pop('account_id')} #{fields.pop('sequence')}"
    rest = "  ".join(f"{name}={value}" for name, value in fields.items() if name != "event_id" and value is not None)
    out.print(f"[bold cyan]{event.name:<17}[/] {head}  [dim]{rest}[/]", soft_wrap=True, highlight=False)
