"""Events as they were published. Add files for new versions; never edit one, because its bytes are on streams.

`avro/<Name>.<version of the schema>[-what is special].hex`, in hexadecimal; whitespace is ignored.
`.glue.hex` is for test_glue.py.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from account_events.avro.codec import decode, encode
from account_events.avro.schemas_path import SCHEMAS

FOLDER = Path(__file__).parent / "avro"

CREATED: dict[str, Any] = {
    "event_id": "0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11:1",
    "account_id": "0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11",
    "sequence": 1,
    "occurred_at": datetime(2026, 1, 31, 9, 30, 0, 1, tzinfo=UTC),
    "correlation_id": "c-0001",
    "causation_id": "k-0001",
    "owner": "owner-7",
    "currency": "EUR",
    "balance": Decimal("0.00"),
}
CREDITED: dict[str, Any] = {
    "event_id": "0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11:2",
    "account_id": "0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11",
    "sequence": 2,
    "occurred_at": datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "correlation_id": "c-0002",
    "causation_id": None,
    "amount": Decimal("9999999999999999.99"),
    "currency": "EUR",
    "balance": Decimal("9999999999999999.99"),
}
WITHDRAWN: dict[str, Any] = {
    "event_id": "köln/7:130",
    "account_id": "köln/7",
    "sequence": 130,
    "occurred_at": datetime(2026, 2, 28, 12, 0, tzinfo=UTC),
    "correlation_id": "c-0003",
    "causation_id": "k-0003",
    "amount": Decimal("1.28"),
    "currency": "SEK",
    "balance": Decimal("0.00"),
}

FIELDS = {
    "AccountCreated.1": CREATED,
    "BalanceCredited.1": CREDITED | {"causation_id": "k-0002", "amount": Decimal("0.01"), "balance": Decimal("0.01")},
    "BalanceCredited.1-largest-amount-no-cause": CREDITED,
    "BalanceWithdrawn.1": WITHDRAWN,
}
FIELDS |= {
    "AccountCreated.2": CREATED | {"request_id": "r-0001"},
    "BalanceCredited.2": CREDITED | {"request_id": "r-0002"},
    "BalanceCredited.2-from-a-row-of-format-1": CREDITED | {"request_id": None},
    "BalanceWithdrawn.2": WITHDRAWN | {"request_id": "r-0003"},
}
NO_TRANSFER = {"transfer_id": None, "counterparty_account_id": None}
FIELDS |= {
    "BalanceCredited.3": FIELDS["BalanceCredited.2"]
    | {"transfer_id": "t-0001", "counterparty_account_id": WITHDRAWN["account_id"]},
    "BalanceCredited.3-no-transfer": FIELDS["BalanceCredited.2"] | NO_TRANSFER,
    "BalanceWithdrawn.3": FIELDS["BalanceWithdrawn.2"]
    | {"transfer_id": "t-0001", "counterparty_account_id": CREDITED["account_id"]},
    "BalanceWithdrawn.3-no-transfer": FIELDS["BalanceWithdrawn.2"] | NO_TRANSFER,
}
NEWEST = {"AccountCreated": "2", "BalanceCredited": "3", "BalanceWithdrawn": "3"}


def golden(stem: str) -> bytes:
    return bytes.fromhex((FOLDER / f"{stem}.hex").read_text())


def name_of(stem: str) -> str:
    return stem.partition(".")[0]


def is_newest(stem: str) -> bool:
    return stem.partition(".")[2].partition("-")[0] == NEWEST[name_of(stem)]


def test_the_files_are_exactly_the_expected_ones() -> None:
    single_object = {path.stem for path in FOLDER.glob("*.hex") if not path.name.endswith(".glue.hex")}
    assert single_object == set(FIELDS)


def test_every_published_version_has_a_golden_file() -> None:
    """The version of every golden file is also still in the history."""
    history = SCHEMAS.glob("history/*/*.avsc")
    assert {stem.partition("-")[0] for stem in FIELDS} == {f"{path.parent.name}.{path.stem}" for path in history}


@pytest.mark.parametrize("stem", FIELDS)
def test_golden_bytes_decode_to_the_fields(stem: str) -> None:
    event = decode(golden(stem))
    assert (event.name, event.fields) == (name_of(stem), FIELDS[stem])


@pytest.mark.parametrize("stem", [stem for stem in FIELDS if is_newest(stem)])
def test_the_fields_encode_to_the_golden_bytes(stem: str) -> None:
    assert encode(name_of(stem), FIELDS[stem]) == golden(stem)
