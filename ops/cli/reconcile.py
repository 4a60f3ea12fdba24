"""The command `reconcile`: the lake compared with the ledger, event by event, and the verdict kept for the reports."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from local_stack.output_file import open_atomically
from ops.cli.exit_handling import on_interruption
from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.grace import GRACE_S_MAX
from ops.lake.reconcile.result import FOLDER, LATEST_KEY, Finding, ReconciliationResult, finding_line
from ops.lake.reconcile.run import SHOWN_MAX, keep, reconciled
from ops.replay.pace import READ_UNITS_MAX
from ops.terminal import complain, err, out

app = typer.Typer()
ADVICE = {
    "missing": "missing: `account-events lake redrive`, then `account-events lake backfill --all`",
    "extra": "extra, differing, contradicting: docs/lake-operations.md tells how to find the files",
    "unreadable": "unreadable: `account-events check` tells more of the ledger",
    "stray": "stray: move these files away, or to where they belong: docs/lake-operations.md",
}


@app.command(epilog="Example: account-events reconcile --stack account-events --output differences.jsonl")
def reconcile(
    stack: Stack = None,
    *,
    read_units_max: Annotated[
        float | None,
        typer.Option(
            help=f"Read at most this many of the ledger's read units a second, on average; on AWS {READ_UNITS_MAX:g}.",
            min=0.5,
        ),
    ] = None,
    grace_s: Annotated[
        float | None,
        typer.Option(
            "--grace-s",
            help="Events younger than so many seconds may be on their way; as the stack buffers.",
            min=0,
            max=GRACE_S_MAX,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A file for all findings, a line of JSON each; it is written anew.")
    ] = None,
) -> None:
    """Compare the lake with the ledger, event by event, and keep the verdict for the reports.

    Reads the whole table and the whole lake. Events that are written meanwhile, and those that are on their way, are no
    findings. Safe to interrupt: nothing is kept then. Exit code 1 if they differ.
    """
    with on_interruption("nothing is kept, run it again"), _lines(output) as found:
        lake = Lake.of(Deployment.connect(stack))
        verdict = reconciled(lake, read_units_max=read_units_max, grace_s=grace_s, found=found)
        keep(lake, verdict)
    _tell(verdict, output)
    err.print(f"kept as s3://{lake.bucket}/{LATEST_KEY} and under {FOLDER}", highlight=False, soft_wrap=True)
    if not verdict.is_sound:
        sys.exit(1)


def _tell(verdict: ReconciliationResult, output: Path | None) -> None:
    for finding in verdict.findings[:SHOWN_MAX]:
        complain(_words(finding))
    counts = {
        "missing": verdict.missing,
        "extra": verdict.extra,
        "differing": verdict.differing,
        "contradicting": verdict.contradicting,
        "unreadable": verdict.unreadable,
    }
    more = sum(counts.values()) - min(len(verdict.findings), SHOWN_MAX)
    if more:
        err.print(
            f"and {more} more{'' if output is None else f', all of them in {output}'}"
            + (": name a file with --output" if output is None else ""),
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    for key in verdict.files.strays:
        complain(f"{key}: no file of any partition")
    counts["stray"] = verdict.files.stray
    for account in verdict.accounts_found:
        ledger, lake = account.ledger, account.lake
        out.print(
            f"{account.account_id}: ledger {ledger.events} events through {ledger.sequence}, {account.currency} "
            f"{ledger.balance}; lake {lake.events} through {lake.sequence}, {lake.balance}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    for total in verdict.totals:
        agrees = "agrees" if total.ledger == total.lake else f"lake {total.lake}, {total.lake - total.ledger:+}"
        out.print(f"{total.currency} {total.ledger}: {agrees}", highlight=False, markup=False)
    told = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number) or "every one agrees"
    out.print(
        f"{verdict.events} events of {verdict.accounts} accounts, through {verdict.through:%Y-%m-%d %H:%M:%S} UTC: "
        + told
        + (f"; {verdict.on_their_way} on their way" if verdict.on_their_way else ""),
        highlight=False,
        soft_wrap=True,
    )
    _tell_lateness(verdict)
    for kind, advice in ADVICE.items():
        if counts[kind] or (kind == "extra" and (verdict.differing or verdict.contradicting)):
            err.print(advice, highlight=False, soft_wrap=True)


def _tell_lateness(verdict: ReconciliationResult) -> None:
    late = verdict.lateness
    if late.behind_s is not None:
        longest = f"; longest from event to stream {late.longest_s:.3g} s" if late.longest_s is not None else ""
        out.print(f"the lake is {late.behind_s:.3g} s behind the ledger's newest event{longest}", highlight=False)


def _words(finding: Finding) -> str:
    place = "with no sequence" if finding.sequence is None else f"event {finding.sequence}"
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
    """For the findings, one by one."""
    if output is None:
        yield lambda _finding: None
        return
    with open_atomically(output) as file:
        yield lambda finding: _write(file, finding)


def _write(file: IO[str], finding: Finding) -> None:
    file.write(finding_line(finding) + "\n")
