"""Translates stored events into the domain events of `schemas`."""

from datetime import datetime
from typing import Any, Never

from account_core.domain.events import Created, Credited, EventRow, Transfer, Withdrawn
from account_core.rows.attributes import instant
from projector.errors import Unpublishable


def translate(row: EventRow) -> tuple[str, dict[str, Any]]:
    """Return the domain event's name and fields, as `account_events.avro.encoder.encode` takes them.

    No value is generated: a row yields the same event on every retry and every replay.

    Raises:
        Unpublishable: the row's time is invalid, or its event has no case here.
    """
    fields: dict[str, Any] = {
        "event_id": f"{row.account_id}:{row.sequence}",
        "account_id": row.account_id,
        "sequence": row.sequence,
        "occurred_at": _instant(row),
        "correlation_id": row.correlation_id,
        "causation_id": row.command_id,
        "request_id": row.request_id,
        "currency": row.currency,
        "balance": row.balance,
    }
    match row.event:
        case Created(owner=owner):
            return "AccountCreated", fields | {"owner": owner}
        case Withdrawn(amount=amount, transfer=transfer):
            return "BalanceWithdrawn", fields | {"amount": amount, **_transfer(transfer)}
        case Credited(amount=amount, transfer=transfer):
            return "BalanceCredited", fields | {"amount": amount, **_transfer(transfer)}
        case unknown:
            raise _no_case(row, unknown)


def _transfer(transfer: Transfer | None) -> dict[str, Any]:
    if transfer is None:
        return {"transfer_id": None, "counterparty_account_id": None}
    return {"transfer_id": transfer.transfer_id, "counterparty_account_id": transfer.counterparty}


def _no_case(row: EventRow, event: Never) -> Unpublishable:
    """A type checker reports an event type without a case. At run time, the error parks the account."""
    return Unpublishable(
        f"event {row.account_id}:{row.sequence}: projector/translate.py has no case for {type(event).__name__}"
    )


def _instant(row: EventRow) -> datetime:
    try:
        return instant(row.occurred_at)
    except (ValueError, AttributeError) as error:
        raise Unpublishable(
            f"event {row.account_id}:{row.sequence}: its Timestamp is not a time in ISO 8601 UTC with six decimals"
        ) from error
