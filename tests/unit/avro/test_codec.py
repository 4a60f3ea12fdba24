"""The codec: a round trip, bytes as in the specification, and no rounding."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from account_events.avro.codec import decode, encode
from account_events.avro.contract import load
from account_events.avro.encoder import long
from account_events.avro.errors import InvalidEvent
from account_events.avro.schemas_path import SCHEMAS

WITHDRAWN: dict[str, Any] = {
    "event_id": "a-1:2",
    "account_id": "a-1",
    "sequence": 2,
    "occurred_at": datetime(2026, 1, 31, 9, 30, 0, 1, tzinfo=UTC),
    "correlation_id": "c-1",
    "causation_id": "k-1",
    "request_id": "r-1",
    "amount": Decimal("12.34"),
    "currency": "EUR",
    "balance": Decimal("87.66"),
    "transfer_id": None,
    "counterparty_account_id": None,
}
CONTRACT = load(SCHEMAS)

money = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2))
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
instants = st.datetimes(timezones=st.just(UTC))
events = st.fixed_dictionaries(
    {
        "event_id": text,
        "account_id": text,
        "sequence": st.integers(-(2**63), 2**63 - 1),
        "occurred_at": instants,
        "correlation_id": text,
        "causation_id": st.none() | text,
        "request_id": st.none() | text,
        "amount": money,
        "currency": text,
        "balance": money,
        "transfer_id": st.none() | text,
        "counterparty_account_id": st.none() | text,
    }
)


@given(events)
def test_a_round_trip_keeps_types_and_scale(fields: dict[str, Any]) -> None:
    event = decode(encode("BalanceCredited", fields))
    assert (event.name, event.fields) == ("BalanceCredited", fields)
    assert str(event.fields["amount"]) == str(fields["amount"])
    assert event.fields["occurred_at"].tzinfo is UTC


@given(events)
def test_the_bytes_follow_the_specification(fields: dict[str, Any]) -> None:
    """The expected bytes are written by hand: zigzag integers, lengths before text, two's complement for money."""
    schema = CONTRACT.working["BalanceWithdrawn"]
    micros = (fields["occurred_at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert encode("BalanceWithdrawn", fields) == b"".join(
        [
            b"\xc3\x01",
            schema.fingerprint,
            avro_text(fields["event_id"]),
            avro_text(fields["account_id"]),
            avro_long(fields["sequence"]),
            avro_long(micros),
            avro_text(fields["correlation_id"]),
            avro_text_or_null(fields["causation_id"]),
            avro_text_or_null(fields["request_id"]),
            avro_money(fields["amount"]),
            avro_text(fields["currency"]),
            avro_money(fields["balance"]),
            avro_text_or_null(fields["transfer_id"]),
            avro_text_or_null(fields["counterparty_account_id"]),
        ]
    )


@given(events)
def test_the_bytes_equal_those_of_fastavro(fields: dict[str, Any]) -> None:
    out = BytesIO()
    fastavro.schemaless_writer(out, CONTRACT.working["BalanceCredited"].parsed, fields)
    assert encode("BalanceCredited", fields)[10:] == out.getvalue()


def avro_long(value: int) -> bytes:
    zigzag, out = (value << 1) ^ (value >> 63), bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def avro_text(value: str) -> bytes:
    return avro_long(len(value.encode())) + value.encode()


def avro_text_or_null(value: str | None) -> bytes:
    return avro_long(0) if value is None else avro_long(1) + avro_text(value)


def avro_money(value: Decimal) -> bytes:
    cents = int(value.scaleb(2))
    size = (abs(cents).bit_length() + 8) // 8
    return avro_long(size) + cents.to_bytes(size, "big", signed=True)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("amount", Decimal("12.345"), "more than 2 decimals"),
        ("amount", Decimal("12.340"), "more than 2 decimals"),
        ("amount", Decimal("10000000000000000.00"), "more than 18 digits"),
        ("amount", Decimal("1E+17"), "more than 18 digits"),
        ("amount", Decimal("NaN"), "finite"),
        ("amount", Decimal("-Infinity"), "finite"),
        ("amount", 12.34, "Decimal, not float"),
        ("amount", b"\x04\xd2", "Decimal, not bytes"),
        ("occurred_at", datetime(2026, 1, 31, 9, 30), "time zone"),  # noqa: DTZ001 -- the mistake itself
        ("occurred_at", 1769851800000001, "datetime, not int"),
        ("sequence", 2**63, "64 bits"),
        ("sequence", True, "int, not bool"),
        ("sequence", "2", "int, not str"),
        ("account_id", None, "str, not NoneType"),
        ("account_id", b"a-1", "str, not bytes"),
        ("correlation_id", "\ud800", "surrogate"),
        ("causation_id", 7, "str, not int"),
    ],
)
def test_a_value_that_cannot_be_written_exactly_is_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(InvalidEvent, match=f"BalanceWithdrawn.{field} .*{message}"):
        encode("BalanceWithdrawn", WITHDRAWN | {field: value})


@pytest.mark.parametrize("amount", [Decimal("9999999999999999.99"), Decimal("-9999999999999999.99"), Decimal("1E+2")])
def test_every_amount_of_18_digits_is_written_exactly(amount: Decimal) -> None:
    assert decode(encode("BalanceWithdrawn", WITHDRAWN | {"amount": amount})).fields["amount"] == amount


@given(st.integers(-(2**63), 2**63 - 1))
@example(2047)
@example(2048)
@example(2**48 - 1)
@example(2**48)
@example(2**55 - 1)
@example(2**55)
def test_every_long_is_encoded_as_fastavro_does(value: int) -> None:
    theirs = BytesIO()
    fastavro.schemaless_writer(theirs, "long", value)
    assert long(value) == theirs.getvalue()


def test_another_time_zone_is_the_same_instant_in_utc() -> None:
    cet = datetime(2026, 1, 31, 10, 30, 0, 1, tzinfo=timezone(timedelta(hours=1)))
    assert encode("BalanceWithdrawn", WITHDRAWN | {"occurred_at": cet}) == encode("BalanceWithdrawn", WITHDRAWN)


@pytest.mark.parametrize("missing", sorted(WITHDRAWN))
def test_every_field_is_required_even_with_a_default(missing: str) -> None:
    fields = {name: value for name, value in WITHDRAWN.items() if name != missing}
    with pytest.raises(InvalidEvent, match=rf"missing fields \['{missing}'\]"):
        encode("BalanceWithdrawn", fields)


def test_an_unexpected_field_is_refused_by_name() -> None:
    with pytest.raises(InvalidEvent, match=r"unexpected fields \['version'\]"):
        encode("BalanceWithdrawn", WITHDRAWN | {"version": 3})


def test_an_unknown_event_is_refused_with_the_known_names() -> None:
    with pytest.raises(InvalidEvent, match="AccountCreated, BalanceCredited, BalanceWithdrawn"):
        encode("AccountClosed", WITHDRAWN)


def test_fastavro_alone_reads_the_same_event() -> None:
    source = SCHEMAS / "BalanceWithdrawn.avsc"
    body = BytesIO(encode("BalanceWithdrawn", WITHDRAWN)[10:])
    assert fastavro.schemaless_reader(body, fastavro.schema.load_schema(str(source)), None) == WITHDRAWN
