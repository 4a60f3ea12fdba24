"""Whatever is not part of a transfer is stored as release 0.2.0 stored it, so that both releases can run meanwhile."""

import json

from hypothesis import given
from hypothesis import strategies as st

from account_core.domain.events import EventRow, Row
from account_core.rows.items import to_item
from tests.support.release_0_2_0_rows import item_of
from tests.unit.account_core.test_items import event_rows, snapshot_rows


def is_of_transfer(row: Row) -> bool:
    return isinstance(row, EventRow) and getattr(row.event, "transfer", None) is not None


@given(st.one_of(event_rows().filter(lambda row: not is_of_transfer(row)), snapshot_rows()))
def test_without_a_transfer_the_item_is_that_of_0_2_0(row: Row) -> None:
    assert json.dumps(to_item(row)) == json.dumps(item_of(row))


@given(event_rows().filter(is_of_transfer))
def test_a_transfer_adds_three_attributes_to_the_item(row: Row) -> None:
    former, item = item_of(row), to_item(row)
    assert {name for name in item if item[name] != former.get(name)} == {"Format", "TransferId", "CounterpartyId"}
    assert former.keys() <= item.keys()
