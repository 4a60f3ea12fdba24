"""The fast path from a stream record to an event, for rows as this release writes them.

The general path (`parse`, `translate` and `account_events.avro.encoder.encode`) defines what a row means and checks
everything about it, which takes several times as long as reading a row that is exactly as expected. This module handles
only such rows. For anything else (another format, another spelling of a number, a missing attribute) it returns None,
and the general path decides. The same applies to an event whose working schema has fields other than the ones written
here. Whenever this module returns an event, the general path produces the same bytes;
tests/unit/projector/test_fast.py searches for a counterexample.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from account_core.rows.attributes import instant
from account_core.rows.items import CREATED, CREDIT, EVENT_FORMAT, TRANSFER_FORMAT, WITHDRAW, version_of
from account_core.rows.layout import (
    ACCOUNT_ID,
    AMOUNT,
    BALANCE,
    COMMAND_ID,
    CORRELATION_ID,
    COUNTERPARTY_ID,
    CURRENCY,
    OWNER,
    REQUEST_ID,
    ROW_FORMAT,
    SEQUENCE,
    TIMESTAMP,
    TRANSFER_ID,
    TYPE,
    VERSION,
)
from account_events.avro.encoder import SMALL, Encoder, Encoders, long, optional_string, string
from account_events.avro.values import MONEY_PRECISION, MONEY_SCALE
from projector.outgoing import EVENT_BYTES_MAX, PARTITION_KEY_LENGTH_MAX, Outgoing

_TIME = {"type": "long", "logicalType": "timestamp-micros"}
_MONEY = {"type": "bytes", "logicalType": "decimal", "precision": MONEY_PRECISION, "scale": MONEY_SCALE}
_TEXT_OR_NULL = ["null", "string"]
_COMMON = {
    "event_id": "string",
    "account_id": "string",
    "sequence": "long",
    "occurred_at": _TIME,
    "correlation_id": "string",
    "causation_id": _TEXT_OR_NULL,
    "request_id": _TEXT_OR_NULL,
}
_CREATION = {**_COMMON, "owner": "string", "currency": "string", "balance": _MONEY}
_TRANSFER = {"transfer_id": _TEXT_OR_NULL, "counterparty_account_id": _TEXT_OR_NULL}
_CHANGE = {**_COMMON, "amount": _MONEY, "currency": "string", "balance": _MONEY, **_TRANSFER}
_WRITTEN = {
    kind: (name, tuple(fields), tuple(fields.values()))
    for kind, name, fields in (
        (CREATED, "AccountCreated", _CREATION),
        (WITHDRAW, "BalanceWithdrawn", _CHANGE),
        (CREDIT, "BalanceCredited", _CHANGE),
    )
}
"""By row type: the event's name, its fields in the order in which this module writes them, and their types."""

_IS_OF_TRANSFER = {str(EVENT_FORMAT): False, str(TRANSFER_FORMAT): True}
"""By row format, of those that take the fast path."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEQUENCE_DIGITS_MAX = 15
_UNITS_DIGITS_MAX = MONEY_PRECISION - MONEY_SCALE
_CENTS = {"": "00", **{f"{n}": f"{n}0" for n in range(10)}, **{f"{n:02}": f"{n:02}" for n in range(100)}}
"""The decimals of an amount, padded to two digits."""
_NO_TEXT = optional_string(None)
_NO_TRANSFER = 2 * _NO_TEXT


def headers_of(encoders: Encoders) -> dict[str, bytes]:
    """Return the header of each event's encoding by row type, without the schemas that have other fields.

    Rows of a type without a header take the general path.
    """
    return {
        kind: encoder.header
        for kind, (name, _, _) in _WRITTEN.items()
        if (encoder := encoders.get(name)) and _is_written_here(encoder, kind)
    }


@lru_cache(maxsize=16)
def _is_written_here(encoder: Encoder, kind: str) -> bool:
    _, fields, types = _WRITTEN[kind]
    return (encoder.fields, encoder.types) == (fields, types)


def fast_event(change: Mapping[str, Any], position: int, headers: Mapping[str, bytes]) -> Outgoing | None:
    """Return the event of an inserted row, or None if the row must take the general path.

    One function that looks each attribute up once: a function call or a look-up takes as long as encoding an attribute.

    Args:
        change: the stream record's `dynamodb`.
        position: the position of the record in its batch.
        headers: the result of `headers_of`.
    """
    try:
        image, keys = change["NewImage"], change["Keys"]
        kind, account_id, version = image[TYPE]["S"], image[ACCOUNT_ID]["S"], image[VERSION]["N"]
        header, at = headers[kind], image[TIMESTAMP]["S"]
        sequence, digits, number = _sequence_of(image[SEQUENCE]["N"], version)
        units, _, decimals = image[BALANCE]["N"].partition(".")
        balance = int(units + _CENTS[decimals])
        is_of_transfer = _IS_OF_TRANSFER[image[ROW_FORMAT]["N"]]
        if (
            keys[ACCOUNT_ID]["S"] != account_id
            or keys[VERSION]["N"] != version
            or not 0 < len(account_id) <= PARTITION_KEY_LENGTH_MAX
            or len(units) > _UNITS_DIGITS_MAX
            or not units.isdecimal()
            or not units.isascii()
            or (is_of_transfer and kind == CREATED)
        ):
            return None
        since = instant(at) - _EPOCH
        occurred_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if kind == CREATED:
            own, end = image[OWNER]["S"].encode(), b""
            own_size = len(own)
        else:
            units, _, decimals = image[AMOUNT]["N"].partition(".")
            amount = int(units + _CENTS[decimals])
            if len(units) > _UNITS_DIGITS_MAX or not units.isdecimal() or not units.isascii() or not amount:
                return None
            own_size = (amount.bit_length() + 8) >> 3
            own = amount.to_bytes(own_size, "big")
            end = _transfer_of(image, account_id) if is_of_transfer else _NO_TRANSFER
        balance_size = (balance.bit_length() + 8) >> 3
        account, correlation = account_id.encode(), image[CORRELATION_ID]["S"].encode()
        request, command = image[REQUEST_ID].get("S"), image.get(COMMAND_ID)
        data = b"".join(
            (
                header,
                SMALL[len(account) + 1 + len(digits)],
                account,
                b":",
                digits,
                SMALL[len(account)],
                account,
                number,
                long(occurred_us),
                SMALL[len(correlation)],
                correlation,
                _NO_TEXT if command is None else optional_string(command["S"]),
                optional_string(request),
                SMALL[own_size],
                own,
                string(image[CURRENCY]["S"]),
                SMALL[balance_size],
                balance.to_bytes(balance_size, "big"),
                end,
            )
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError):
        return None
    if len(data) > EVENT_BYTES_MAX:
        return None
    return Outgoing(account_id, sequence, occurred_us, data, position)


@lru_cache(maxsize=16_384)
def _sequence_of(number: str, version: str) -> tuple[int, bytes, bytes]:
    """Return a row's sequence, its digits and its Avro long. Raises ValueError if sequence and version do not match."""
    sequence = int(number)
    matches = (str(sequence), str(version_of(sequence))) == (number, version)
    if sequence < 1 or not matches or len(number) > _SEQUENCE_DIGITS_MAX:
        raise ValueError
    return sequence, number.encode(), long(sequence)


def _transfer_of(image: Mapping[str, Any], account_id: str) -> bytes:
    """Return the fields of a row's transfer. Raises ValueError if it is not a transfer to or from another account."""
    transfer_id, counterparty = image[TRANSFER_ID]["S"], image[COUNTERPARTY_ID]["S"]
    if not transfer_id or not counterparty or counterparty == account_id:
        raise ValueError
    return optional_string(transfer_id) + optional_string(counterparty)
