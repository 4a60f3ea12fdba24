"""The command `doctor`: finds out what is wrong with a stack."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from local_stack.address import Address
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from ops.cli.exit_handling import on_interruption
from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.doctor.run import CHECKS, Examination, examine
from ops.terminal import counted, err, out, print_error

app = typer.Typer()
BY_CAUSE = "it depends on the cause; the runbook entry has the steps for each"


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
        print_error(f"{finding.kind}: {finding.what}")
        repair = {"Repair": finding.repair} if finding.repair else {"Look": finding.look, "Repair": BY_CAUSE}
        lines = {"Why it matters": finding.why, **repair, "Runbook": f"docs/runbook.md#{finding.runbook}"}
        for label, text in lines.items():
            err.print(f"  {label}: {escape(text)}", highlight=False, soft_wrap=True)
    if address is not None and any(
        (finding.repair or finding.look).startswith("aws ") for finding in examination.findings
    ):
        err.print(
            "Commands that begin with aws need the AWS CLI and, for the local stack, these settings:\n"
            f"  export AWS_ENDPOINT_URL={address.endpoint_url} AWS_DEFAULT_REGION={REGION} "
            f"AWS_ACCESS_KEY_ID={ROOT_ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={ROOT_SECRET_ACCESS_KEY}",
            highlight=False,
            soft_wrap=True,
        )
    out.print(
        f"{counted(len(examination.findings), 'finding')}; {len(examination.completed)} of {len(CHECKS)} checks "
        "completed",
        highlight=False,
    )
