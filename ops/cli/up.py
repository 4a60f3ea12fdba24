"""The command `up`: starts a local stack with its console, and keeps it running."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Literal

import typer

from account_core.api.access import Authorisation
from local_stack.address import Address
from local_stack.emulator import forget_aws_settings
from local_stack.errors import CommandError
from local_stack.faults.switch import FaultSwitch
from local_stack.local_deployment import LocalDeployment
from local_stack.swagger_ui import SwaggerUi
from ops.cli.curl_lines import curl_lines, describe_callers
from ops.cli.local_subject import local_subject
from ops.cli.steps import out, steps
from ops.terminal import counted, err

app = typer.Typer()
Port = Annotated[
    int | None, typer.Option(help="Port of the emulator on 127.0.0.1. Omit it to use a free port.", min=1, max=65535)
]
Auth = Annotated[
    Literal["iam", "jwt"],
    typer.Option(help="How the API authenticates its callers: IAM signatures or JWT bearer tokens."),
]
AUTHORISATIONS: dict[str, Authorisation] = {"iam": "IAM", "jwt": "JWT"}
POLL_S = 0.3


@app.command()
def up(
    port: Port = None,
    auth: Auth = "iam",
    *,
    faults: Annotated[
        bool, typer.Option("--faults", help="Let `account-events faults` break the local stack.")
    ] = False,
) -> None:
    """Start a local stack with its console, print commands to try, and keep it running. Ctrl-C stops it."""
    from ops.console.server import ConsoleServer  # noqa: PLC0415 -- slow to import, and other commands do not need it

    forget_aws_settings()
    _refuse_second_stack()
    with steps() as step, LocalDeployment(port, step, AUTHORISATIONS[auth]) as deployment:
        step("starting the console")
        with (
            deployment.browser_client() as api,
            SwaggerUi(api, deployment.auth) as ui,
            FaultSwitch(deployment) as switch,
            ConsoleServer(subject := local_subject(deployment, switch, ui.url, scripts_may_break=faults)) as console,
            _with_console(deployment.address, console.url, console.token, faults=faults).published(),
            suppress(KeyboardInterrupt),  # Ctrl-C is how this command ends
        ):
            step("")
            _print_commands(deployment.address, console.address, ui.url, subject.preparation)
            reported = ""
            while True:
                deployment.assert_running()
                reported = _report_failures(deployment, reported)
                time.sleep(POLL_S)
        step("stopping")


def _with_console(address: Address, url: str, token: str, *, faults: bool) -> Address:
    return replace(address, console_url=url, console_token=token, faults=faults)


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


def _print_commands(address: Address, console_address: str, ui_url: str, preparation: str) -> None:
    out.print("\n[bold]The local stack is running.[/] Watch it in a browser:\n")
    out.print(f"  {console_address}", soft_wrap=True, highlight=False, markup=False)
    if preparation:
        out.print("\nBefore you run the commands that it shows in another terminal, type there:\n")
        out.print(f"  {preparation}", soft_wrap=True, highlight=False, markup=False)
    out.print("\nTry these commands in another terminal:\n")
    for line in curl_lines(address):
        out.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"\n{describe_callers(address)}", soft_wrap=True, highlight=False, markup=False)
    out.print(f"In a browser: {ui_url} (Swagger UI)", soft_wrap=True, highlight=False, markup=False)
    out.print(
        "`make tail` prints the domain events as they arrive, and `account-events console` the address of the console. "
        "Ctrl-C stops the local stack.",
        soft_wrap=True,
        highlight=False,
    )
