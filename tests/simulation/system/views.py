"""Every view of the ledger agrees with it in the end: the inbox's state, the read model and the lake."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from account_core.domain.events import Created, Credited, EventRow
from account_events.consumer import Event
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.consumer import AppliedStore
from tests.simulation.system.ledger import Rows

_ADDED = {"published_at", "schema_fingerprint", "occurred_at_us"}
"""What the lake adds to an event."""


def published(row: EventRow) -> dict[str, Any]:
    """The event of a row as it must be published, made without the code under test."""
    event = {
        "event_id": f"{row.account_id}:{row.sequence}",
        "account_id": row.account_id,
        "sequence": row.sequence,
        "occurred_at": datetime.fromisoformat(row.occurred_at),
        "correlation_id": row.correlation_id,
        "causation_id": row.command_id,
        "request_id": row.request_id,
        "currency": row.currency,
        "balance": row.balance,
    }
    if isinstance(row.event, Created):
        return event | {"event_type": "AccountCreated", "owner": row.event.owner}
    transfer = row.event.transfer
    return event | {
        "event_type": "BalanceCredited" if isinstance(row.event, Credited) else "BalanceWithdrawn",
        "amount": row.event.amount,
        "transfer_id": None if transfer is None else transfer.transfer_id,
        "counterparty_account_id": None if transfer is None else transfer.counterparty,
    }


def check_inbox(rows: Rows, store: AppliedStore) -> None:
    """The consumer has applied each account's events once and in order, and its row has the newest state."""
    _check(store.events.keys() == rows.keys(), f"the consumer has {sorted(store.events)} instead of {sorted(rows)}")
    for account_id, own in rows.items():
        expected = [published(row) for row in own if isinstance(row, EventRow)]
        applied = [_fields(event) for event in store.events[account_id]]
        _check(applied == expected, f"{account_id}: the consumer applied {applied} instead of {expected}")
        row, last = store.rows[account_id], own[-1]
        shown = (row["Balance"], row["Sequence"])
        _check(
            shown == ({"N": str(last.balance)}, {"N": str(last.sequence)}), f"the read model is {row}, not as {last}"
        )


def check_lake(rows: Rows, lake: Sequence[Mapping[str, Any]]) -> None:
    """The lake has every event, possibly several times, and nothing else; a repetition has the same values."""
    expected = {
        (row.account_id, row.sequence): published(row)
        for own in rows.values()
        for row in own
        if isinstance(row, EventRow)
    }
    found: set[tuple[str, int]] = set()
    for row in lake:
        key = row["account_id"], row["sequence"]
        event = expected.get(key, {})
        day = row["dt"]
        values = {
            name: value
            for name, value in row.items()
            if name not in _ADDED | {"dt"} and (value is not None or name in event)
        }
        at = event.get("occurred_at")
        wanted = event | ({} if at is None else {"occurred_at": at.replace(tzinfo=None)})
        _check(values == wanted, f"the lake has {values} instead of {wanted}")
        _check(at is not None and day == f"{at:%Y-%m-%d}", f"the lake has {key} on {day}, not at {at}")
        found.add(key)
    _check(found == expected.keys(), f"the lake lacks {sorted(expected.keys() - found)}")


def _fields(event: Event) -> dict[str, Any]:
    return asdict(event) | {"event_type": type(event).__name__}


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 -- as assert
    if not holds:
        raise PromiseBroken(otherwise)
