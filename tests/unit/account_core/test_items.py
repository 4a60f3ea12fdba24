from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.errors import Corrupt
from account_core.events import Created, Credited, EventRow, Row, SnapshotRow, Withdrawn
from account_core.items import from_item, is_snapshot_version, to_item, version_of
from account_core.money import MONEY_MAX

MONEY = st.decimals(Decimal(0), MONEY_MAX, places=2)
TEXT = st.text(min_size=1, max_size=20)
AMOUNTS = st.decimals(Decimal("0.01"), MONEY_MAX, places=2)
EVENTS = st.one_of(
    st.builds(Created, TEXT, st.just("EUR")), st.builds(Credited, AMOUNTS), st.builds(Withdrawn, AMOUNTS)
)
SEQUENCES = st.integers(1, 10**9)


@st.composite
def event_rows(draw: st.DrawFn) -> Row:
    sequence = draw(SEQUENCES)
    return EventRow(
        account_id=draw(TEXT),
        version=version_of(sequence),
        sequence=sequence,
        occurred_at="2026-01-31T09:30:00.000001Z",
        event=draw(EVENTS),
        balance=draw(MONEY),
        currency="EUR",
        correlation_id=draw(TEXT),
        command_id=draw(st.none() | TEXT),
    )


@st.composite
def snapshot_rows(draw: st.DrawFn) -> Row:
    decade = draw(SEQUENCES)
    return SnapshotRow(
        draw(TEXT), decade * 10, decade * 9, "2026-01-31T09:30:00.000001Z", draw(TEXT), "EUR", draw(MONEY)
    )


@given(st.one_of(event_rows(), snapshot_rows()))
def test_a_row_comes_back_as_it_was_stored(row: Row) -> None:
    assert from_item(to_item(row)) == row


@given(SEQUENCES)
def test_versions_have_no_holes_but_the_snapshots(sequence: int) -> None:
    version, following = version_of(sequence), version_of(sequence + 1)
    assert not is_snapshot_version(version)
    assert following - version == (2 if is_snapshot_version(version + 1) else 1)
    assert version_of(1) == 1


def _item(**changed: object) -> dict[str, Any]:
    item = to_item(EventRow("a", 2, 2, "2026-01-31T09:30:00.000001Z", Credited(Decimal(5)), Decimal(5), "EUR", "c"))
    return {name: value for name, value in {**item, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    "changed",
    [
        {"Type": {"S": "REVERSAL"}},
        {"Type": {"S": "SNAPSHOT"}},
        {"Format": {"N": "2"}},
        {"Format": None},
        {"Amount": None},
        {"Amount": {"N": "1.005"}},
        {"Amount": {"N": "-1"}},
        {"Amount": {"S": "1"}},
        {"Amount": {"N": "many"}},
        {"Amount": {"N": "NaN"}},
        {"Balance": {"N": "1e40"}},
        {"Version": {"N": "10"}},
        {"Version": {"N": "0"}},
        {"Sequence": {"N": "0"}},
        {"Sequence": {"N": "7"}},
        {"Amount": {"N": "0"}},
        {"Timestamp": None},
        {"Timestamp": {"N": "1"}},
        {"Currency": "EUR"},
    ],
)
def test_what_cannot_be_read_is_corrupt_and_names_its_row(changed: dict[str, Any]) -> None:
    with pytest.raises(Corrupt, match=r"row a/"):
        from_item(_item(**changed))


def test_an_item_without_a_key_is_corrupt() -> None:
    with pytest.raises(Corrupt, match=r"row \?/\?"):
        from_item({})
