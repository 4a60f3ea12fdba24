"""The command `doctor`: finds out what is wrong with a stack."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from local_stack.address import Address
from ops.cli.exit_handling import on_interruption
from ops.cli.findings import print_aws_settings, print_finding
from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.doctor.run import CHECKS, Examination, examine
from ops.terminal import counted, err, out

app = typer.Typer()


@app.command(epilog="Example: account-events doctor --stack account-events --json")
def doctor(
    stack: Stack = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
    grace_s: Annotated[
        float | None,
        typer.Option(
            "--grace-s",
            help="Age in seconds below which an event is assumed to be still on its way. The default is 60 on AWS and "
            "10 locally.",
            min=0,
        ),
    ] = None,
) -> None:
    """Find out what is wrong with a stack, and name the command that repairs it. Changes nothing.

    Compares the deployed resources with this release's template.yaml, looks for accounts and records that wait, and
    follows a sample of accounts from the table to the stream, the read model and the lake. Exit code 1 if there is a
    finding or a check could not be completed.
    """
    with on_interruption("nothing was changed; run the command again"):
        deployment = Deployment.connect(stack)
        examination = examine(
            deployment,
            stack,
            grace_s=grace_s,
            progress=lambda name: err.print(f"[dim]checked: {name}[/]"),
        )
    if as_json:
        print(json.dumps(_as_json(examination), indent=1))  # noqa: T201 -- a command's output
    else:
        _show(examination, deployment.address)
    if examination.findings:
        sys.exit(1)


def _as_json(examination: Examination) -> dict[str, object]:
    return {
        "format": 1,
        "completed": list(examination.completed),
        "findings": [asdict(finding) for finding in examination.findings],
    }


def _show(examination: Examination, address: Address | None) -> None:
    for finding in examination.findings:
        print_finding(finding)
    print_aws_settings(examination.findings, address)
    out.print(
        f"{counted(len(examination.findings), 'finding')}; {len(examination.completed)} of {len(CHECKS)} checks "
        "completed",
        highlight=False,
    )
