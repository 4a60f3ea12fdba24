"""Rows as they were stored, in DynamoDB JSON. Add files for new formats; never edit one, because tables have such rows.

`rows/<type>-<row format>.json`
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from account_core.domain.events import (
    Created,
    Credited,
    EventRow,
    IgnoredSnapshot,
    SnapshotRow,
    StoredRow,
    Transfer,
    Withdrawn,
)
from account_core.rows.items import EVENT_FORMAT, FORMAT, SNAPSHOT_FORMAT, TRANSFER_FORMAT, Item, from_item, to_item

FOLDER = Path(__file__).parent / "rows"
TRANSFER_ID = "0b8f6f0e-5f0c-4b1e-9a53-3d1b6c1f2a10"

ROWS: dict[str, StoredRow] = {
    "created-1": EventRow(
        account_id="acct-1",
        version=1,
        sequence=1,
        occurred_at="2026-01-31T09:30:00.000001Z",
        event=Created(owner="owner-7", currency="EUR"),
        balance=Decimal("0.00"),
        currency="EUR",
        correlation_id="c-0001",
        command_id="k-0001",
    ),
    "credit-1": EventRow(
        account_id="acct-1",
        version=2,
        sequence=2,
        occurred_at="2026-01-31T09:31:00.000000Z",
        event=Credited(amount=Decimal("100.00")),
        balance=Decimal("100.00"),
        currency="EUR",
        correlation_id="c-0002",
    ),
    "withdraw-1": EventRow(
        account_id="acct-1",
        version=11,
        sequence=10,
        occurred_at="2026-01-31T09:32:00.123456Z",
        event=Withdrawn(amount=Decimal("12.30")),
        balance=Decimal("87.70"),
        currency="EUR",
        correlation_id="c-0010",
        command_id="k-0010",
    ),
    "snapshot-1": IgnoredSnapshot("acct-1", 20, "it has format 1, not 2", is_damaged=False),
    "created-2": EventRow(
        account_id="acct-1",
        version=1,
        sequence=1,
        occurred_at="2026-01-31T09:30:00.000001Z",
        event=Created(owner="owner-7", currency="EUR"),
        balance=Decimal("0.00"),
        currency="EUR",
        correlation_id="c-0001",
        request_id="r-0001",
        command_id="k-0001",
    ),
    "credit-2": EventRow(
        account_id="acct-1",
        version=2,
        sequence=2,
        occurred_at="2026-01-31T09:31:00.000000Z",
        event=Credited(amount=Decimal("100.00")),
        balance=Decimal("100.00"),
        currency="EUR",
        correlation_id="c-0002",
        request_id="r-0002",
    ),
    "withdraw-2": EventRow(
        account_id="acct-1",
        version=11,
        sequence=10,
        occurred_at="2026-01-31T09:32:00.123456Z",
        event=Withdrawn(amount=Decimal("12.30")),
        balance=Decimal("87.70"),
        currency="EUR",
        correlation_id="c-0010",
        request_id="r-0010",
        command_id="k-0010",
    ),
    "snapshot-2": SnapshotRow(
        account_id="acct-1",
        version=20,
        sequence=18,
        occurred_at="2026-01-31T09:33:00.000000Z",
        owner="owner-7",
        currency="EUR",
        balance=Decimal("1234567890123456.78"),
    ),
    "credit-3": EventRow(
        account_id="acct-1",
        version=2,
        sequence=2,
        occurred_at="2026-01-31T09:31:00.000000Z",
        event=Credited(amount=Decimal("100.00"), transfer=Transfer(TRANSFER_ID, counterparty="acct-2")),
        balance=Decimal("100.00"),
        currency="EUR",
        correlation_id=TRANSFER_ID,
    ),
    "withdraw-3": EventRow(
        account_id="acct-1",
        version=11,
        sequence=10,
        occurred_at="2026-01-31T09:32:00.123456Z",
        event=Withdrawn(amount=Decimal("12.30"), transfer=Transfer(TRANSFER_ID, counterparty="acct-2")),
        balance=Decimal("87.70"),
        currency="EUR",
        correlation_id="c-0010",
        request_id="r-0010",
        command_id="k-0010",
    ),
}
WRITTEN = {
    "created": EVENT_FORMAT,
    "credit": EVENT_FORMAT,
    "withdraw": EVENT_FORMAT,
    "snapshot": SNAPSHOT_FORMAT,
}
"""The formats of rows that are not part of a transfer."""


def golden(stem: str) -> Item:
    item: Item = json.loads((FOLDER / f"{stem}.json").read_text())
    return item


def test_the_files_are_exactly_the_expected_ones() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(ROWS)


@pytest.mark.parametrize("stem", ROWS)
def test_a_golden_item_is_read_as_its_row(stem: str) -> None:
    assert from_item(golden(stem)) == ROWS[stem]


@pytest.mark.parametrize(
    "stem",
    [f"credit-{TRANSFER_FORMAT}", f"withdraw-{TRANSFER_FORMAT}", *(f"{kind}-{n}" for kind, n in WRITTEN.items())],
)
def test_a_row_is_written_as_its_golden_item(stem: str) -> None:
    row = ROWS[stem]
    assert not isinstance(row, IgnoredSnapshot)
    assert to_item(row) == golden(stem)


def test_every_format_that_this_release_reads_has_a_golden_event() -> None:
    assert {stem.partition("-")[2] for stem, row in ROWS.items() if isinstance(row, EventRow)} == {
        str(number) for number in range(1, FORMAT + 1)
    }
