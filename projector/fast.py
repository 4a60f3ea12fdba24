"""The short way from a stream record to an event, for the rows that this release writes.

`parse`, `translate` and `schemas.encoder.encode` say what a row means and check everything about it; that takes five
times as long as what is left if a row is just as it should be. So this looks only for that: anything unusual (another
format, another spelling of a number, a missing attribute) is answered with None and goes the long way, which decides.
Where this answers with an event, the long way makes the same bytes; tests/unit/projector/test_fast.py looks for a
counterexample.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from account_core.items import CREATED, CREDIT, FORMAT, WITHDRAW, version_of
from projector.outgoing import EVENT_BYTES_MAX, PARTITION_KEY_LENGTH_MAX, Outgoing
from schemas.encoder import ENCODERS, SMALL, decimal, long, optional_string, string
from schemas.values import MONEY_PRECISION, MONEY_SCALE

_HEADERS = {
    CREATED: ENCODERS["AccountCreated"].header,
    WITHDRAW: ENCODERS["BalanceWithdrawn"].header,
    CREDIT: ENCODERS["BalanceCredited"].header,
}
_COMMON = ("event_id", "account_id", "sequence", "occurred_at", "correlation_id", "causation_id", "request_id")
for _encoder in ENCODERS.values():
    assert _encoder.fields in {(*_COMMON, own, "currency", "balance") for own in ("owner", "amount")}, _encoder.fields  # noqa: S101 -- programmer error: the order of the values below is the schemas'

_FORMAT = str(FORMAT)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEQUENCE_DIGITS_MAX = 15
_TIME_LENGTH = len("2026-01-31T09:30:00.000001Z")


def fast_event(change: Mapping[str, Any], position: int) -> Outgoing | None:
    """The event of an inserted row, or None where it takes a longer look.

    Args:
        change: the stream record's `dynamodb`.
        position: the record's in its batch.
    """
    try:
        image, keys = change["NewImage"], change["Keys"]
        kind, account_id, number = image["Type"]["S"], image["AccountId"]["S"], image["Sequence"]["N"]
        version, command, sequence = image["Version"]["N"], image.get("CommandId"), int(number)
        at = image["Timestamp"]["S"]
        if (
            image["Format"]["N"] != _FORMAT
            or keys["AccountId"]["S"] != account_id
            or not 0 < len(account_id) <= PARTITION_KEY_LENGTH_MAX
            or keys["Version"]["N"] != version
            or str(version_of(sequence)) != version
            or str(sequence) != number
            or not 0 < len(number) <= _SEQUENCE_DIGITS_MAX
            or sequence < 1
            or len(at) != _TIME_LENGTH
            or at[-1] != "Z"
        ):
            return None
        since = datetime.fromisoformat(at) - _EPOCH
        occurred_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        account, digits, correlation = account_id.encode(), number.encode(), image["CorrelationId"]["S"].encode()
        data = b"".join(
            (
                _HEADERS[kind],
                SMALL[len(account) + 1 + len(digits)],
                account,
                b":",
                digits,
                SMALL[len(account)],
                account,
                long(sequence),
                long(occurred_us),
                SMALL[len(correlation)],
                correlation,
                optional_string(None if command is None else command["S"]),
                optional_string(image["RequestId"].get("S")),
                string(image["Owner"]["S"]) if kind == CREATED else decimal(_amount(image["Amount"]["N"])),
                string(image["Currency"]["S"]),
                decimal(_cents(image["Balance"]["N"])),
            )
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError):
        return None
    if len(data) > EVENT_BYTES_MAX:
        return None
    return Outgoing(account_id, sequence, occurred_us, data, position)


def _cents(number: str) -> int:
    """Raises ValueError: it is not written as DynamoDB writes an amount."""
    units, _, decimals = number.partition(".")
    digits = f"{units}{decimals:0<{MONEY_SCALE}}"
    if not units or len(units) > MONEY_PRECISION - MONEY_SCALE or len(decimals) > MONEY_SCALE or not digits.isdecimal():
        raise ValueError
    return int(digits)


def _amount(number: str) -> int:
    """Raises ValueError, also for nothing at all: the long way says what is wrong with that."""
    cents = _cents(number)
    if not cents:
        raise ValueError
    return cents
