"""An event's row has the values that the consumer kit reads, for valid, old and damaged bytes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.contract import NAMESPACE, parse
from account_events.avro.encoder import encode
from account_events.avro.errors import CorruptBody, Undecodable
from account_events.consumer import Decoder
from consumers.lake import table
from consumers.lake.added_columns import PARTITION_KEYS, Column
from consumers.lake.errors import OutsidePartitions, UnknownEvent
from consumers.lake.rows import Row, Rows
from tools.lake_columns import LENGTH_MAX, comment

GOLDEN = Path(__file__).parents[2] / "golden" / "avro"
DECODER = Decoder()
ROWS = Rows(DECODER, "0001-01-01")
PUBLISHED = datetime(2026, 1, 31, 9, 30, 1, 234_000, UTC)
PUBLISHED_MS = 1_769_851_801_234
FIELDS: dict[str, Any] = {
    "event_id": "a-1:2",
    "account_id": "a-1",
    "sequence": 2,
    "occurred_at": datetime(2026, 1, 31, 9, 30, 0, 1, UTC),
    "correlation_id": "c-1",
    "causation_id": None,
    "request_id": "r-1",
    "amount": Decimal("12.34"),
    "currency": "EUR",
    "balance": Decimal("-0.01"),
    "transfer_id": "t-1",
    "counterparty_account_id": "a-2",
}


def expected(data: bytes, published_at: datetime | None) -> Row:
    """The row in a straightforward implementation, from the event as the consumer kit reads it."""
    event = DECODER.decode(data)
    values: dict[str, Any] = vars(event) | {
        "published_at": published_at,
        "schema_fingerprint": data[2:10].hex(),
        "occurred_at_us": (event.occurred_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1),
    }
    line = {}
    for column in sorted(table.COLUMNS, key=lambda each: each.name in {"published_at", "occurred_at_us"}):
        value = values.get(column.name)
        if isinstance(value, datetime):
            value = value.replace(tzinfo=None).isoformat(" ", "microseconds")
        line[column.name] = f"{value:.2f}" if isinstance(value, Decimal) else value
    return Row(
        event.occurred_at.date().isoformat(), type(event).__name__, json.dumps(line, separators=(",", ":")) + "\n"
    )


def test_a_row_has_the_values_of_its_event() -> None:
    row = ROWS.row(encode("BalanceCredited", FIELDS), PUBLISHED_MS)
    assert row.dt == "2026-01-31"
    assert row.event_type == "BalanceCredited"
    assert json.loads(row.line) == {
        "event_id": "a-1:2",
        "account_id": "a-1",
        "sequence": 2,
        "occurred_at": "2026-01-31 09:30:00.000001",
        "correlation_id": "c-1",
        "causation_id": None,
        "request_id": "r-1",
        "owner": None,
        "currency": "EUR",
        "amount": "12.34",
        "balance": "-0.01",
        "published_at": "2026-01-31 09:30:01.234000",
        "schema_fingerprint": "53979a54a20957d6",
        "occurred_at_us": 1_769_851_800_000_001,
        "transfer_id": "t-1",
        "counterparty_account_id": "a-2",
    }
    assert row.line.endswith("}\n")
    assert row.line.count("\n") == 1


@pytest.mark.parametrize("path", [path for path in sorted(GOLDEN.glob("*.hex")) if ".glue" not in path.name], ids=str)
def test_every_published_version_has_a_row(path: Path) -> None:
    data = bytes.fromhex(path.read_text())
    assert ROWS.row(data, None) == expected(data, None)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ACCOUNT_ID = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
MONEY = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2))


@given(
    st.sampled_from(["AccountCreated", "BalanceCredited", "BalanceWithdrawn"]),
    st.fixed_dictionaries(
        {
            "event_id": TEXT,
            "account_id": ACCOUNT_ID,
            "sequence": st.integers(1, 2**63 - 1),
            "occurred_at": st.datetimes(timezones=st.just(UTC), max_value=datetime(2026, 2, 1, 9)),  # noqa: DTZ001 -- hypothesis requires it
            "correlation_id": TEXT,
            "causation_id": st.none() | TEXT,
            "request_id": st.none() | TEXT,
            "owner": TEXT,
            "currency": TEXT,
            "amount": MONEY,
            "balance": MONEY,
            "transfer_id": st.none() | TEXT,
            "counterparty_account_id": st.none() | TEXT,
        }
    ),
)
def test_a_row_has_the_values_that_the_kit_reads(name: str, values: dict[str, Any]) -> None:
    fields = {field: values[field] for field in CONTRACT.working[name].field_types}
    data = encode(name, fields)
    assert ROWS.row(data, PUBLISHED_MS) == expected(data, PUBLISHED)
    assert ROWS.row(data, None) == expected(data, None)


def outcome(read: Callable[[], Row]) -> Row | tuple[type[Exception], str]:
    try:
        return read()
    except Undecodable as error:
        return type(error), str(error)


@given(
    st.sampled_from(["BalanceCredited", "AccountCreated"]), st.integers(0, 200), st.integers(0, 255), st.integers(0, 3)
)
@example("BalanceCredited", 10, 255, 0)
def test_damaged_bytes_are_refused_as_by_the_consumer_kit(name: str, at: int, byte: int, cut: int) -> None:
    values = FIELDS | {"owner": "o"}
    data = bytearray(encode(name, {field: values[field] for field in CONTRACT.working[name].field_types}))
    data[at % len(data)] = byte
    damaged = bytes(data[: len(data) - cut])
    assert outcome(lambda: ROWS.row(damaged, None)) == outcome(lambda: expected(damaged, None))


IMPOSSIBLE: dict[str, Any] = {
    "occurred_at": 2**62,
    "amount": (10**18).to_bytes(8, "big"),
    "balance": b"\x00\x01",
}
"""Primitive values that Avro can hold and that are no time, more digits than the type has, and a padded number."""


@pytest.mark.parametrize("fields", [("occurred_at",), ("amount",), ("balance",), ("amount", "balance")], ids=str)
def test_the_first_impossible_value_is_named(fields: tuple[str, ...]) -> None:
    data = body_with({name: IMPOSSIBLE[name] for name in fields})
    with pytest.raises(CorruptBody, match=rf"BalanceCredited\.{fields[0]} has an invalid value"):
        ROWS.row(data, None)


def body_with(values: dict[str, Any]) -> bytes:
    """An event with these primitive values, written without the encoder, which would refuse them."""
    event = FIELDS | {"occurred_at": 1_769_851_800_000_001, "amount": b"\x04\xd2", "balance": b"\xff"} | values
    source = json.loads(json.dumps(CONTRACT.working["BalanceCredited"].source))
    for field in source["fields"]:
        if isinstance(field["type"], dict):
            del field["type"]["logicalType"]
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(source), event)
    return encode("BalanceCredited", FIELDS)[:10] + body.getvalue()


def test_an_event_of_a_later_release_is_refused() -> None:
    source = dict(CONTRACT.working["BalanceCredited"].source) | {"name": "BalanceFrozen"}
    assert source["namespace"] == NAMESPACE
    later = Codec(CONTRACT, lambda _: json.dumps(source))
    body = encode("BalanceCredited", FIELDS)[10:]
    data = b"\x03\x00" + bytes(16) + body
    with pytest.raises(UnknownEvent, match="BalanceFrozen"):
        Rows(Decoder(later), "2020-01-01").row(data, PUBLISHED_MS)
    assert parse(json.dumps(source)).name == "BalanceFrozen"


@pytest.mark.parametrize(
    ("first_day", "published_ms", "fits"),
    [
        ("2026-01-31", PUBLISHED_MS, True),
        ("2026-02-01", PUBLISHED_MS, False),
        ("2026-01-31", PUBLISHED_MS - 86_400_000, True),  # the event is dated a day ahead of the stream's clock
        ("2026-01-31", PUBLISHED_MS - 2 * 86_400_000, False),
        ("2026-01-31", None, True),
        ("2026-02-01", None, False),
    ],
)
def test_an_event_of_a_day_without_a_partition_is_refused(
    first_day: str, published_ms: int | None, *, fits: bool
) -> None:
    rows = Rows(DECODER, first_day)
    data = encode("BalanceCredited", FIELDS)
    if fits:
        assert rows.row(data, published_ms).dt == "2026-01-31"
        return
    with pytest.raises(OutsidePartitions, match="2026-01-31"):
        rows.row(data, published_ms)


def test_every_column_has_a_comment_that_the_glue_catalog_accepts() -> None:
    for column in (*table.COLUMNS, *PARTITION_KEYS):
        assert 0 < len(comment(column, CONTRACT)) <= LENGTH_MAX
    amount = next(column for column in table.COLUMNS if column.name == "amount")
    assert comment(amount, CONTRACT).startswith("BalanceCredited: The amount paid in")
    with pytest.raises(LookupError, match="shoe_size"):
        comment(Column("shoe_size", "bigint"), CONTRACT)


def test_every_field_of_every_event_has_a_column() -> None:
    fields = {name for event in table.EVENT_TYPES for name in CONTRACT.working[event].field_types}
    assert fields == {column.name for column in table.COLUMNS if not column.added}
    assert set(table.EVENT_TYPES) == set(CONTRACT.working)
