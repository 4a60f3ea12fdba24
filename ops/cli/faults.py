"""`faults`: lets faults begin and end on the running local stack, to try what follows and how it is repaired."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from local_stack.address import Address, loopback_http
from local_stack.errors import CommandError
from local_stack.faults.catalogue import FAULTS
from ops.terminal import counted, out

app = typer.Typer(help="Break the running local stack on purpose, and end it again.", rich_markup_mode="markdown")
TIMEOUT_S = 300.0
"""A fault may have to wait for an invocation of the projector, and for another fault that does so."""
PAGE = "api/faults"
Name = Annotated[str, typer.Argument(metavar="NAME", help=f"Name of a fault: {', '.join(FAULTS)}.", show_default=False)]


@app.callback(invoke_without_command=True, epilog="Example: account-events faults")
def list_faults(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the faults, which of them are on, and the commands that repair what they broke.

    The local stack must have been started with `account-events up --faults`.
    """
    if context.invoked_subcommand is not None:
        return
    found = _request("GET", PAGE)
    if as_json:
        out.print(json.dumps(found, indent=2), soft_wrap=True, highlight=False, markup=False)
    else:
        out.print(_table(found["faults"]))


@app.command(epilog="Example: account-events faults begin refused-entries --share 0.5 --seed 7")
def begin(
    name: Name,
    *,
    account: Annotated[
        str | None, typer.Option(help="Id of the account that it is about. Omit it to let the fault choose one.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Share of the entries or answers that are affected.", min=0, max=1)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the generator that chooses: the same seed chooses the same.", min=0)
    ] = None,
) -> None:
    """Let a fault begin. Print what it does and what to watch.

    Exit code 1 if it is on already, or not possible now.
    """
    given = {"account": account, "share": share, "seed": seed}
    settings = {key: str(value) for key, value in given.items() if value is not None}
    state = _request("POST", f"{PAGE}/{name}", {"on": True, "settings": settings})
    chosen = ", ".join(f"{key} {value}" for key, value in state["settings"].items())
    _print(f"[bold yellow]![/] {escape(state['title'])}" + (f" ({escape(chosen)})" if chosen else ""))
    _print(escape(f"{state['what']} {state['watch']}"))
    if not state["is_momentary"]:
        _print(f"End it with: account-events faults end {state['name']}")
    _print_repair(state)


@app.command(epilog="Example: account-events faults end --all")
def end(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Name of the fault.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="End all faults that are on.")] = False,
) -> None:
    """End a fault. Print the commands that repair what it broke.

    Exit code 1 if it is off, happens only once, or could not be ended.
    """
    if (name is not None) == everything:
        raise typer.BadParameter("give either a name or --all")
    if name is not None:
        state = _request("POST", f"{PAGE}/{name}", {"on": False})
        _print(f"[bold green]✓[/] {escape(state['title'])} has ended.")
        _print_repair(state)
        return
    before = [state for state in _request("GET", PAGE)["faults"] if state["is_on"]]
    after = {state["name"]: state for state in _request("POST", PAGE, {"on": False})["faults"]}
    ended = [state for state in before if not after[state["name"]]["is_on"]]
    _print(f"[bold green]✓[/] {counted(len(ended), 'fault')} ended.")
    for state in ended:
        _print_repair(state)
    if len(ended) < len(before):
        names = ", ".join(state["name"] for state in before if state not in ended)
        raise CommandError(f"Still on: {names}. End each by its name to see why.")


def _request(method: str, page: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 -- a JSON object
    """The JSON of a successful response of the local stack's server.

    Raises:
        CommandError: the local stack accepts no faults, refuses the request, or does not answer.
    """
    address = Address.find()
    if not address.faults or address.console_url is None or address.console_token is None:
        raise CommandError(
            "The running local stack accepts no faults from commands. Stop it with Ctrl-C, and start it with "
            "account-events up --faults."
        )
    try:
        with loopback_http(address.console_url) as client:
            answer = client.request(
                method,
                page,
                json=body,
                headers={"Authorization": f"Bearer {address.console_token}"},
                timeout=TIMEOUT_S,
            )
    except httpx.HTTPError as error:
        raise CommandError(
            f"The local stack does not answer: {type(error).__name__}. If it has stopped, start it again with "
            "account-events up --faults."
        ) from None
    if answer.is_success:
        return answer.json()
    raise CommandError(_refusal(answer))


def _refusal(answer: httpx.Response) -> str:
    """What the server's response states; it is JSON with a message and advice."""
    try:
        found = answer.json()
        return f"{found['message']} {found['advice']}"
    except (ValueError, KeyError, TypeError):
        return f"The local stack refuses the request with status {answer.status_code}. Start it again."


def _table(faults: list[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("fault", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    table.add_column("repair after its end", overflow="fold")
    for state in faults:
        table.add_row(state["name"], _state(state), escape(state["what"]), escape(state["repair"]) or "nothing")
    return table


def _state(state: Mapping[str, Any]) -> str:
    if state["is_on"]:
        return "[bold yellow]on[/]"
    if state["is_momentary"]:
        return "happened" if state["began_at"] else "never happened"
    return "off"


def _print_repair(state: Mapping[str, Any]) -> None:
    if state["repair"]:
        _print(f"{'After its end, repair' if state['is_on'] else 'Repair'} what it broke with: {state['repair']}")


def _print(text: str) -> None:
    out.print(text, soft_wrap=True, highlight=False)
