"""The command `reconcile`: compares the lake with the ledger, event by event, and keeps and publishes the result."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from local_stack.output_file import open_atomically
from ops.cli.exit_handling import on_interruption
from ops.cli.options import Engine, Stack
from ops.cli.reconcile_aws import result_on_aws
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.grace import GRACE_S_MAX
from ops.lake.reconcile.result import FOLDER, LATEST_KEY, Finding, ReconciliationResult, finding_line
from ops.lake.reconcile.run import publish_metrics, run_reconciliation, save_result
from ops.lake.spark.run import reconciled_by_spark
from ops.ledger.export.location import LATEST
from ops.replay.pace import READ_UNITS_MAX
from ops.terminal import counted, err, out, print_error

app = typer.Typer()
SHOWN_MAX = 20


ADVICE = {
    "missing": "missing: run `account-events lake redrive`, then `account-events lake backfill --all`",
    "extra": "extra, differing, contradicting: find the files as described in docs/lake-operations.md",
    "unreadable": "unreadable, gap, unbalanced: run `account-events check` for details about the ledger's rows",
    "unpaired": "unpaired: the events of a transfer do not agree; see ReconciliationFinds in docs/runbook.md",
    "compacted": "compacted: delete the month's files and compact it again; see ReconciliationFinds in docs/runbook.md",
    "stray": "stray: move these files out of events/, or to where they belong; see docs/lake-operations.md",
}
ALSO = {"extra": ("differing", "contradicting"), "unreadable": ("gap", "unbalanced")}
"""Kinds to which another kind's advice applies."""


@app.command(epilog="Example: account-events reconcile --stack account-events --output differences.jsonl")
def reconcile(
    stack: Stack = None,
    *,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Where to compare. local: on this machine, with a Scan of the table. spark: on this machine, with "
            "Spark and an export of the table. aws: in the stack's nightly state machine, now."
        ),
    ] = Engine.local,
    export: Annotated[
        str | None,
        typer.Option(
            metavar="LOCATION",
            help="The export of the accounts table that the engine spark reads: a folder, an s3:// URI, or latest for "
            "the newest one of the stack.",
        ),
    ] = None,
    read_units_max: Annotated[
        float | None,
        typer.Option(
            help="Maximum average read rate on the accounts table, in read units per second. The default is "
            f"{READ_UNITS_MAX:g} on AWS and no limit locally.",
            min=0.5,
        ),
    ] = None,
    grace_s: Annotated[
        float | None,
        typer.Option(
            "--grace-s",
            help="Age in seconds below which a missing event is assumed to be still on its way. The default is the "
            "longest time that a delivery to this stack's lake takes.",
            min=0,
            max=GRACE_S_MAX,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for all findings, one JSON object per line. An existing file is replaced.")
    ] = None,
) -> None:
    """Compare the lake with the ledger, event by event, and keep the result for the reports and alarms.

    Reads the whole table, or an export of it, and the whole lake, compacted months among it. Events that are written
    meanwhile or are still on their way do not count as findings. If you interrupt the command, no result is kept; but
    with the engine aws, the state machine goes on and keeps it. Exit code 1 if lake and ledger differ.
    """
    _check(engine, export=export, read_units_max=read_units_max, grace_s=grace_s, output=output)
    if engine is Engine.aws:
        lake = Lake.of(Deployment.connect(stack))
        _end(lake, result_on_aws(lake), output)  # the job has kept and published the result
        return
    with on_interruption("no result was kept; run the command again"), _lines(output) as found:
        lake = Lake.of(Deployment.connect(stack))
        if engine is Engine.local:
            result = run_reconciliation(lake, read_units_max=read_units_max, grace_s=grace_s, found=found)
        else:
            result = reconciled_by_spark(lake, export or LATEST, grace_s=grace_s, found=found, doing=_doing)
        save_result(lake, result)
        publish_metrics(lake, result)
    _end(lake, result, output)


def _end(lake: Lake, result: ReconciliationResult, output: Path | None) -> None:
    _show(result, output)
    err.print(f"kept as s3://{lake.bucket}/{LATEST_KEY} and under {FOLDER}", highlight=False, soft_wrap=True)
    if not result.agrees:
        sys.exit(1)


def _check(
    engine: Engine,
    *,
    export: str | None,
    read_units_max: float | None,
    grace_s: float | None,
    output: Path | None,
) -> None:
    """Refuse options that the engine would ignore."""
    if engine is Engine.spark and export is None:
        raise typer.BadParameter(f"the engine spark reads an export: add --export LOCATION or --export {LATEST}")
    if engine is not Engine.spark and export is not None:
        raise typer.BadParameter("only the engine spark reads an export: add --engine spark, or omit --export")
    if engine is not Engine.local and read_units_max is not None:
        raise typer.BadParameter("--read-units-max is for the engine local: the others do not read the table")
    if engine is Engine.aws and (grace_s is not None or output is not None):
        raise typer.BadParameter("--grace-s and --output are for the engines local and spark")


def _doing(step: str) -> None:
    err.print(step, style="dim", highlight=False, soft_wrap=True, markup=False)


def _show(result: ReconciliationResult, output: Path | None) -> None:
    for finding in result.findings[:SHOWN_MAX]:
        print_error(_words(finding))
    counts = {
        "missing": result.missing,
        "extra": result.extra,
        "differing": result.differing,
        "contradicting": result.contradicting,
        "unreadable": result.unreadable,
        "gap": result.gap,
        "unbalanced": result.unbalanced,
        "compacted": result.compacted,
        "unpaired": result.unpaired,
    }
    more = sum(counts.values()) - min(len(result.findings), SHOWN_MAX)
    if more:
        err.print(
            f"and {more} more: " + ("use --output FILE for all findings" if output is None else f"see {output}"),
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    for key in result.files.strays:
        print_error(f"{key}: belongs to no partition")
    counts["stray"] = result.files.stray
    for account in result.accounts_found:
        ledger, lake = account.ledger, account.lake
        out.print(
            f"{account.account_id}: ledger {counted(ledger.events, 'event')} through {ledger.sequence}, "
            f"{account.currency} {ledger.balance}; lake {lake.events} through {lake.sequence}, {lake.balance}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    for total in result.totals:
        agrees = "agrees" if total.ledger == total.lake else f"lake {total.lake}, {total.lake - total.ledger:+}"
        out.print(f"{total.currency} {total.ledger}: {agrees}", highlight=False, markup=False)
    summary = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number) or "all agree"
    out.print(
        f"{counted(result.events, 'event')} of {counted(result.accounts, 'account')}, "
        f"through {result.through:%Y-%m-%d %H:%M:%S} UTC: {summary}"
        + (f"; {result.on_their_way} on their way" if result.on_their_way else ""),
        highlight=False,
        soft_wrap=True,
    )
    _show_lateness(result)
    for kind, advice in ADVICE.items():
        if any(counts[each] for each in (kind, *ALSO.get(kind, ()))):
            err.print(advice, highlight=False, soft_wrap=True)


def _show_lateness(result: ReconciliationResult) -> None:
    late = result.lateness
    if late.behind_s is not None:
        longest = f"; the slowest event took {late.longest_s:.3g} s to the stream" if late.longest_s is not None else ""
        out.print(f"the lake is {late.behind_s:.3g} s behind the ledger's newest event{longest}", highlight=False)


def _words(finding: Finding) -> str:
    place = "row without a valid version," if finding.sequence is None else f"event {finding.sequence}"
    differences = "; ".join(
        f"{each.field}: ledger {_quoted(each.ledger)}, lake {_quoted(each.lake)}" for each in finding.differences
    )
    return ": ".join(
        part for part in (f"{finding.account_id} {place} {finding.kind}", differences, finding.note) if part
    )


def _quoted(text: str | None) -> str:
    return "none" if text is None else repr(text)


@contextmanager
def _lines(output: Path | None) -> Iterator[Callable[[Finding], None]]:
    """Yields a function that writes a finding to the output file, or does nothing if there is no file."""
    if output is None:
        yield lambda _finding: None
        return
    with open_atomically(output) as file:
        yield lambda finding: _write(file, finding)


def _write(file: IO[str], finding: Finding) -> None:
    file.write(finding_line(finding) + "\n")
