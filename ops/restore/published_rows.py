"""Makes the row of a published event: the inverse of `projector.translate`. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, Credited, Event, EventRow, Transfer, Withdrawn
from account_core.rows.items import version_of
from account_core.service.head import timestamp


def row_of(name: str, fields: Mapping[str, Any]) -> EventRow:
    """The row from which the projector made a domain event. It is complete: no attribute of a row is unpublished.

    Args:
        name: the event's type, for example "BalanceCredited".
        fields: the event's fields by name. `occurred_at` is UTC, with or without an offset; further fields are ignored.

    Raises:
        Corrupt: no row has this event type.
    """
    sequence, occurred_at = fields["sequence"], fields["occurred_at"]
    return EventRow(
        account_id=fields["account_id"],
        version=version_of(sequence),
        sequence=sequence,
        occurred_at=timestamp(_utc(occurred_at)),
        event=_event(name, fields),
        balance=fields["balance"],
        currency=fields["currency"],
        correlation_id=fields["correlation_id"],
        request_id=fields.get("request_id"),  # events of the first schemas lack it
        command_id=fields["causation_id"],
    )


def _event(name: str, fields: Mapping[str, Any]) -> Event:
    match name:
        case "AccountCreated":
            return Created(owner=fields["owner"], currency=fields["currency"])
        case "BalanceWithdrawn":
            return Withdrawn(fields["amount"], _transfer(fields))
        case "BalanceCredited":
            return Credited(fields["amount"], _transfer(fields))
    raise Corrupt(f"event {fields['account_id']}:{fields['sequence']}: no row has the event type {name}")


def _transfer(fields: Mapping[str, Any]) -> Transfer | None:
    """The transfer of an event; events of the first schemas lack its fields."""
    transfer_id = fields.get("transfer_id")
    return None if transfer_id is None else Transfer(transfer_id, fields["counterparty_account_id"])


def _utc(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
