"""The command `why`: where an event is, and what it waits for."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from account_core.api.requests import ACCOUNT_ID
from ops.cli.exit_handling import on_interruption
from ops.cli.findings import print_aws_settings, print_finding
from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.doctor.finding import Finding
from ops.terminal import counted, err, out, print_error
from ops.why.facts import Facts
from ops.why.identifier import NotAnId, identifier
from ops.why.run import ExplainedEvent, ExplainedRequest, Explanation, explain
from ops.why.timeline import Hop, line_of, transfer_of

app = typer.Typer()
WAITS, NOT_FOUND = 1, 2
DAYS_MAX = 3650


@app.command(epilog="Example: account-events why 4f1c0a9e-7d0b-4c39-8f53-b3a1c8e5d2f7 --stack account-events")
def why(
    text: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="An account id, event id, correlation id, request id, transfer id or idempotency key.",
            show_default=False,
        ),
    ],
    *,
    account: Annotated[
        str | None,
        typer.Option(help="The account of an idempotency key. With it, the table's index has the event, however old."),
    ] = None,
    days: Annotated[
        int,
        typer.Option(help="Days for which the API's log and the lake are searched for the id.", min=1, max=DAYS_MAX),
    ] = 7,
    stack: Stack = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Show where the events of an id are, what they wait for, and the command that helps. Changes nothing.

    The timeline has a line for each step of an event: the request, the row, the record on the event stream, the read
    model and the lake. Accounts and events are read from the table; other ids are searched for in the API's log, in the
    lake and in the newest events on the stream, never by a scan of the table. Of an id with many events, it follows the
    newest 20. Of a transfer, it follows both events. Exit code 0 if they are everywhere, 1 if one waits or is lost, 2
    if nothing was found.
    """
    if account is not None and not re.fullmatch(ACCOUNT_ID, account):
        raise typer.BadParameter("--account must be an account id: 1 to 64 letters, digits, '-' or '_'")
    try:
        asked = identifier(text)
    except NotAnId as error:
        raise typer.BadParameter(str(error)) from None
    with on_interruption("nothing was changed; run the command again"):
        deployment = Deployment.connect(stack)
        found = explain(
            deployment,
            stack,
            asked,
            account_id=account,
            days=days,
            progress=lambda name: err.print(f"[dim]read: {name}[/]", highlight=False),
        )
    if as_json:
        print(json.dumps(_as_json(text, found), indent=1))  # noqa: T201 -- a command's output
    else:
        _show(text, found)
        print_aws_settings(_findings(found), deployment.address)
    if not found.is_found:
        sys.exit(NOT_FOUND)
    if found.waits:
        sys.exit(WAITS)


def _as_json(text: str, found: Explanation) -> dict[str, object]:
    return {
        "format": 1,
        "id": text,
        "kinds": list(found.kinds),
        "events_found": found.events_found,
        "may_have_more": found.may_have_more,
        "events": [_event(each) for each in found.events],
        "requests": [
            {**_plain(asdict(each.line)), "finding": asdict(each.finding) if each.finding else None}
            for each in found.requests
        ],
        "searched": list(found.searched),
        "not_searched": list(found.not_searched),
        "is_everywhere": found.is_found and not found.waits,
    }


def _event(each: ExplainedEvent) -> dict[str, object]:
    facts = each.facts
    return {
        "event_id": facts.key.event_id,
        "account_id": facts.key.account_id,
        "sequence": facts.key.sequence,
        "transfer": _transfer(facts),
        "is_everywhere": not each.findings,
        "timeline": [_plain(asdict(hop)) for hop in each.hops],
        "findings": [asdict(finding) for finding in each.findings],
    }


def _transfer(facts: Facts) -> dict[str, str | None] | None:
    if facts.row is None or facts.row.transfer is None:
        return None
    return {
        "transfer_id": facts.row.transfer.transfer_id,
        "counterparty_account_id": facts.row.transfer.counterparty,
        "other_event_id": facts.other.event_id if facts.other else None,
    }


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with times as text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _show(text: str, found: Explanation) -> None:
    if not found.is_found:
        print_error(f"{text} was not found.")
    elif len(found.asked) == 1:
        _line(f"[bold]{escape(text)}[/] is the {_listed(found.kinds)} of event {escape(_id(found.asked[0].facts))}.")
    elif found.events:
        _show_events(text, found)
    _show_others(found)
    if found.events:
        chosen = next((each for each in found.events if each.findings), found.events[0])
        _show_timeline(chosen, found)
    _show_requests(text, found)
    for finding in _distinct(_findings(found)):
        print_finding(finding)
    _show_search(found)
    if found.events and not found.waits:
        what = "It is" if len(found.events) == 1 else "All of them are"
        if _has_more(found):
            what = f"The newest {len(found.events)} are"
        _line(
            f"[bold green]✓[/] {what} everywhere: in the table, on the event stream, in the read model and in the lake."
        )


def _show_events(text: str, found: Explanation) -> None:
    newest = f"; these are the newest {len(found.asked)}" if _has_more(found) else ""
    events = ("at least " if found.may_have_more else "") + counted(found.events_found, "event")
    _line(f"[bold]{escape(text)}[/] is the {_listed(found.kinds)} of {events}{newest}:")
    for each in found.asked:
        _show_event(each)


def _show_event(each: ExplainedEvent) -> None:
    row = each.facts.row
    state = "; ".join(f"{finding.where}: {finding.kind}" for finding in each.findings) or "everywhere"
    what = "  ".join(filter(None, [_id(each.facts), row.kind if row else "?", state, transfer_of(each.facts)]))
    _line(f"  {_time(each.facts.occurred_at)}  {escape(what)}")


def _show_others(found: Explanation) -> None:
    if found.others:
        _line(f"The other {'event of its transfer' if len(found.others) == 1 else 'events of their transfers'}:")
    for each in found.events:
        if each.facts.key in found.others:
            _show_event(each)


def _has_more(found: Explanation) -> bool:
    """Whether the id has events that were not followed."""
    return found.may_have_more or found.events_found > len(found.asked)


def _show_timeline(each: ExplainedEvent, found: Explanation) -> None:
    if len(found.events) > 1:
        _line(f"\nTimeline of {escape(_id(each.facts))} (for another event, run account-events why with its id):")
    for hop in each.hops:
        _line(_hop(hop))


def _hop(hop: Hop) -> str:
    after = f"+{hop.after_s:.3f} s" if hop.after_s is not None else ""
    mark = "[green]·[/]" if hop.is_reached else "[bold yellow]![/]"
    return f"  {mark} {_time(hop.at)}  {after:>12}  {hop.where:<12}  {escape(hop.what)}"


def _show_requests(text: str, found: Explanation) -> None:
    if not found.requests:
        return
    _line(f"{counted(len(found.requests), 'request')} of {escape(text)} made no event, newest first:")
    for each in found.requests:
        _line(f"  {_time(each.line.at)}  {escape(line_of(each.line))}")


def _show_search(found: Explanation) -> None:
    err.print(f"Searched: {escape('; '.join(found.searched))}.", highlight=False, soft_wrap=True, emoji=False)
    for problem in found.not_searched:
        err.print(f"[yellow]![/] Not searched: {escape(problem)}.", highlight=False, soft_wrap=True, emoji=False)


def _findings(found: Explanation) -> list[Finding]:
    requests: Iterable[ExplainedRequest] = found.requests
    return [
        *(finding for event in found.events for finding in event.findings),
        *(each.finding for each in requests if each.finding),
    ]


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """The first finding of each kind and command: the events of an account often wait for the same."""
    return list({(each.kind, each.repair or each.what): each for each in reversed(findings)}.values())[::-1]


def _id(facts: Facts) -> str:
    return facts.key.event_id


def _listed(kinds: Sequence[str]) -> str:
    return " and the ".join(kinds) or "id"


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] if at else " " * len("2026-01-31 09:30:00.000")


def _line(text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True, emoji=False)
