"""The command `console`: prints the address of the local stack's console, or serves one of a deployed stack."""

import threading
import webbrowser
from contextlib import suppress
from typing import Annotated

import typer

from local_stack.address import Address
from local_stack.errors import CommandError
from ops.cli.options import Stack
from ops.terminal import err, out

app = typer.Typer()


@app.command(epilog="Example: account-events console --stack account-events --open")
def console(
    stack: Stack = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port on 127.0.0.1, with --stack. Omit it to use a free port.", min=1, max=65535),
    ] = None,
    *,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Show the path of an event live, in a browser.

    `account-events up` serves the console of the local stack, and this command prints its address. With --stack, this
    command serves a console of a stack on AWS until you press Ctrl-C. That console is read-only: it sends no command
    and changes nothing.
    """
    if stack is None:
        if port is not None:
            raise typer.BadParameter("--port needs --stack, because `account-events up` serves the local console.")
        address = _local_address()
        _show(address, address if open_page else None)
        return
    from ops.console.server import ConsoleServer  # noqa: PLC0415 -- slow to import
    from ops.console.subject import SharedClients, Subject  # noqa: PLC0415 -- as above

    deployment = SharedClients.connect(stack)
    with ConsoleServer(Subject(deployment, stack), port) as server, suppress(KeyboardInterrupt):
        _show(server.address, server.address_for_once() if open_page else None)
        err.print("[dim]read-only; press Ctrl-C to stop[/]")
        _wait_for_ctrl_c()


def _wait_for_ctrl_c() -> None:
    threading.Event().wait()


def _local_address() -> str:
    address = Address.find()
    if address.console_url is None:
        raise CommandError("The running local stack has no console. Start it again with `make up`.")
    return f"{address.console_url}?token={address.console_token}"


def _show(address: str, to_open: str | None) -> None:
    out.print(address, soft_wrap=True, highlight=False, markup=False)
    if to_open is not None and not webbrowser.open(to_open):
        err.print("No browser could be opened. Open the address yourself.", highlight=False)
