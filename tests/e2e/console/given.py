"""What a console's server answers, as tests of the page need it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
START = datetime(2026, 9, 30, 14, 3, 7, 250_000, tzinfo=UTC)
INTERVAL = 10
RELEASE = "account-events release"
KINDS = {"CREATED": "AccountCreated", "CREDIT": "BalanceCredited", "WITHDRAW": "BalanceWithdrawn"}


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def account_id(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}-5a52-4d1c-9d2c-{number:012x}"


def stack(*, is_local: bool = True) -> Json:
    return {
        "name": "account-events-local" if is_local else "account-events-prod",
        "is_local": is_local,
        "can_send": is_local,
        "can_break": is_local,
        "api_url": "http://127.0.0.1:1/",
        "swagger_url": "http://127.0.0.1:1/docs" if is_local else None,
        "preparation": "export PATH=/project/.venv/bin:$PATH" if is_local else "",
        "version": "1.0.0",
        "poll_s": 0.3 if is_local else 1.0,
        "started_at": at(0),
    }


def hop(name: str, state: str = "working", lag_ms: float | None = 40.0, detail: str = "", command: str = "") -> Json:
    return {
        "name": name,
        "state": state,
        "lag_ms": lag_ms,
        "detail": detail,
        "command": command,
        "runbook": f"{name.replace(' ', '')}stopped" if command else "",
    }


HOPS = [
    hop("ledger", lag_ms=None),
    hop("projector", lag_ms=84.0),
    hop("stream", lag_ms=131.0),
    hop("read model", lag_ms=412.0),
    hop("lake", lag_ms=61_500.0),
]


def status(**changed: object) -> Json:
    return {
        "at": at(60),
        "is_reachable": True,
        "reason": "",
        "advice": "",
        "hops": HOPS,
        "parked": [],
        "gaps": [],
        "failed_batches": {"count": 0, "command": ""},
        "alarms": [],
        "faults": faults(),
        **changed,
    }


def troubled_status() -> Json:
    """The status of a stack in which about everything is wrong."""
    return status(
        hops=[
            hop("ledger", lag_ms=None),
            hop("projector", "stopped", 192_000.0, "The event source mapping is disabled.", "account-events doctor"),
            hop("stream", "working", 131.0),
            hop("read model", "waiting", 9_300.0, "One account waits for an event."),
            hop("lake", "unknown", None, "The delivery has not reported yet."),
        ],
        parked=[
            {
                "account_id": account_id(number),
                "first": 7 + number,
                "reason": "the type TRANSFER is not known",
                "at": at(30),
                "command": f"{RELEASE} {account_id(number)}",
            }
            for number in range(2)
        ],
        gaps=[
            {
                "account_id": account_id(5),
                "missing": "12",
                "since": at(45),
                "command": f"account-events replay --account {account_id(5)} --to-stream events --live",
            }
        ],
        failed_batches={"count": 2, "command": f"{RELEASE} --failures"},
        alarms=[
            {"name": "ProjectorStopped", "reason": "No batch was read for 3 minutes.", "runbook": "projectorstopped"},
            {"name": "ProjectorParks", "reason": "2 accounts are parked.", "runbook": "projectorparks"},
        ],
        faults=faults({"stopped-projector-mapping", "refused-entries"}, ended={"poison-row"}),
    )


def findings(*, is_running: bool = False, found: bool = True) -> Json:
    finding = {
        "kind": "mapping-disabled",
        "where": "ProjectorMapping",
        "what": "ProjectorMapping is disabled.",
        "why": "No event is published until it is enabled.",
        "repair": "aws lambda update-event-source-mapping --uuid 5f6a7c1e-0a3e-4b7e-9d50-8f6c2f1a9b3c --enabled",
        "runbook": "projectorstopped",
        "look": "",
    }
    look = {
        "kind": "ledger-row-wrong",
        "where": f"account {account_id(0)}, version 8",
        "what": "A row cannot be read.",
        "why": "Commands on its account fail.",
        "repair": "",
        "runbook": "ledger-row-wrong",
        "look": f"account-events audit --account {account_id(0)}",
    }
    return {
        "at": at(50),
        "is_running": is_running,
        "findings": [finding, look] if found else [],
        "incomplete": ["The lake was not checked: its files could not be listed."] if found else [],
    }


def fault(name: str, title: str, what: str, watch: str, repair: str = "", *, is_momentary: bool = False) -> Json:
    return {
        "name": name,
        "title": title,
        "what": what,
        "watch": watch,
        "repair": repair,
        "runbook": "projectorstopped",
        "is_momentary": is_momentary,
        "is_on": False,
        "began_at": None,
        "settings": {},
    }


FAULTS = [
    fault(
        "throttled-shard",
        "Throttled shard",
        "Kinesis refuses every record for one shard of the event stream: the account's, or one that the seed chooses.",
        "Accounts on this shard wait, and all others go on; afterwards each account's events arrive in order.",
    ),
    fault(
        "refused-entries",
        "Refused entries",
        "Kinesis refuses a share of the records in each PutRecords request, chosen by the seed.",
        "The projector sends the refused records again, and each account's events still arrive in order.",
    ),
    fault(
        "lost-answers",
        "Lost answers",
        "Kinesis stores the records of a share of the PutRecords requests, but its answer is lost.",
        "The projector sends these records again: events arrive twice, and consumers drop the repetition.",
    ),
    fault(
        "poison-row",
        "Poison row",
        "An account gets a row of a type that the projector does not know. Ending it corrects the row.",
        "The account is parked and its commands fail, while all other accounts go on.",
        f"account-events release {account_id(0)}",
    ),
    fault(
        "killed-projector",
        "Killed projector",
        "The projector's process is killed, in the middle of a batch if it has one.",
        "Lambda delivers the batch again to a new process: nothing is lost.",
        is_momentary=True,
    ),
    fault(
        "stopped-projector-mapping",
        "Stopped projector",
        "The event source mapping from the table to the projector stops.",
        "Commands still succeed, but no event is published; afterwards all of them arrive in order.",
    ),
    fault(
        "stopped-lake",
        "Stopped lake",
        "The delivery from the event stream to the lake stops.",
        "Events still arrive on the stream, but not in the lake; afterwards all of them arrive there.",
    ),
]


def faults(on: set[str] | None = None, *, ended: set[str] | None = None) -> list[Json]:
    begun = {"began_at": at(20), "settings": {}}
    return [
        each
        | ({"is_on": True} | begun if each["name"] in (on or ()) else {})
        | (begun if each["name"] in (ended or ()) else {})
        for each in FAULTS
    ]


def rows(versions: int) -> list[Json]:
    """An account's rows, oldest first: opened, then credits and withdrawals, and a snapshot on every tenth."""
    made: list[Json] = []
    balance, sequence = 0, 0
    for version in range(1, versions + 1):
        is_snapshot = version % INTERVAL == 0
        kind = (
            "SNAPSHOT" if is_snapshot else "CREATED" if version == 1 else "WITHDRAW" if version % 3 == 0 else "CREDIT"
        )
        amount = {"CREDIT": 1250 + version * 45, "WITHDRAW": 620 + version * 15}.get(kind, 0)
        balance += -amount if kind == "WITHDRAW" else amount
        sequence += not is_snapshot
        has_origin = not is_snapshot
        made.append(
            {
                "version": version,
                "kind": kind,
                "is_snapshot": is_snapshot,
                "is_read": version > versions - INTERVAL,
                "problem": "",
                "sequence": sequence,
                "at": at(version),
                "amount": f"{amount / 100:.2f}" if amount else None,
                "balance": f"{balance / 100:.2f}",
                "owner": "owner-1" if kind in {"CREATED", "SNAPSHOT"} else None,
                "currency": "EUR",
                "correlation_id": f"order-{version}" if has_origin else None,
                "request_id": f"request-{version:04}" if has_origin else None,
                "command_id": f"key-{version}" if has_origin and version % 2 else None,
            }
        )
    return made


def account(name: str, versions: int, before: int | None = None, **changed: object) -> Json:
    every = rows(versions)
    shown = [row for row in every if before is None or row["version"] < before][-50:]
    read = [row for row in every if row["is_read"]]
    first = max((at for at, row in enumerate(read) if row["is_snapshot"]), default=0)
    return {
        "account_id": name,
        "rows": shown[::-1],
        "newest_version": versions,
        "next_before": shown[0]["version"] if shown and shown[0]["version"] > 1 else None,
        "steps": [
            {key: row[key] for key in ("version", "sequence", "kind", "amount", "balance", "currency")}
            for row in read[first:]
        ],
        "problem": "",
        "parked": None,
        "waiting": None,
        "read_model": {"sequence": every[-1]["sequence"], "balance": every[-1]["balance"]},
        **changed,
    }


def published(name: str, row: Json, **changed: object) -> Json:
    """The event of a row, as it arrives from the stream."""
    fields = {
        "balance": row["balance"],
        "currency": row["currency"],
        "correlation_id": row["correlation_id"],
        "causation_id": row["command_id"],
        "request_id": row["request_id"],
        **({"amount": row["amount"]} if row["amount"] else {"owner": row["owner"]}),
    }
    return {
        "event_id": f"{name}:{row['sequence']}",
        "account_id": name,
        "sequence": row["sequence"],
        "type": KINDS[row["kind"]],
        "occurred_at": row["at"],
        "arrived_at": row["at"],
        "seen_at": row["at"],
        "shard_id": "shardId-000000000001",
        "sequence_number": f"4966{row['version']:052}",
        "fields": fields,
        "order": "next",
        "lag": {"to_stream_ms": 84 + row["version"] % 40, "to_console_ms": 190 + row["version"] % 300},
        **changed,
    }


def events_of(name: str, versions: int) -> list[Json]:
    return [published(name, row) for row in rows(versions) if not row["is_snapshot"]]


def accounts(numbers: Sequence[int], versions: int = 24) -> list[Json]:
    row = rows(versions)[-1]
    return [
        {
            "account_id": account_id(number),
            "owner": f"owner-{number % 7}",
            "currency": "EUR",
            "balance": row["balance"],
            "sequence": row["sequence"],
            "at": row["at"],
        }
        for number in numbers
    ]


BARS = "".join(
    f'<path d="M{10 + 28 * at},{120 - height}h20v{height}h-20Z" fill="var(--{"in" if at % 3 else "out"})"/>'
    for at, height in enumerate((30, 74, 52, 96, 41, 64, 88, 35, 70, 109))
)
CHARTS: Json = {
    "day": "2026-09-30",
    "days": ["2026-09-30", "2026-09-29"],
    "charts": [
        {
            "title": title,
            "unit": "Events by hour, UTC",
            "svg_narrow": "",
            "svg": f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 130" role="img"'
            f' aria-labelledby="t{number}"><title id="t{number}">{title}</title>{BARS}</svg>',
            "table": {"columns": ["Hour", "Credits", "Withdrawals"], "rows": [["13", "120", "48"], ["14", "96", "31"]]},
        }
        for number, title in enumerate(("Busiest from 14 to 15", "EUR: net inflow on 8 of 10 days"))
    ],
    "note": "",
}
NO_CHARTS: Json = {"day": "2026-09-30", "days": [], "charts": [], "note": "The lake has no events yet."}
