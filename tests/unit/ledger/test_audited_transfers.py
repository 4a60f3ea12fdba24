"""The audit finds transfers whose events do not agree in the table, and those that are not whole on the stream."""

from collections.abc import Iterable

import pytest

from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import from_item
from account_events.avro.codec import DomainEvent, decode
from account_events.avro.encoder import encode
from ops.ledger.audit import audit
from projector.translate import translate
from tests.support.corruptions import sides
from tests.support.damage import Corruption
from tests.support.transfer_corruptions import TRANSFER_CORRUPTIONS, TRANSFERS


def published(rows: Iterable[Row]) -> list[DomainEvent]:
    return [decode(encode(*translate(row))) for row in rows if isinstance(row, EventRow)]


def found(rows: Iterable[StoredRow], events: Iterable[DomainEvent]) -> dict[str, list[str]]:
    return {name: each.findings for name, each in audit(rows, events).items() if each.findings}


def without(account_id: str, sequence: int) -> list[Row]:
    return [row for row in TRANSFERS if (row.account_id, row.sequence) != (account_id, sequence)]


def test_whole_transfers_have_no_findings() -> None:
    assert found(TRANSFERS, published(TRANSFERS)) == {}


def test_an_event_that_was_published_twice_is_one_event() -> None:
    events = published(TRANSFERS)
    assert found(TRANSFERS, [*events, *events]) == {}


def test_a_transfer_of_which_the_stream_lacks_an_event_is_found() -> None:
    assert found(TRANSFERS, published(without("p-3", 2))) == {
        "p-2": ["on the stream, transfer t-2 has no valid credit on account p-3"],
        "p-3": ["the events [1] were published, but [1, 2] are stored"],
    }


def test_half_a_transfer_in_table_and_stream_is_one_finding() -> None:
    rows = without("p-3", 2)
    assert found(rows, published(rows)) == {"p-2": ["transfer t-2 has no valid credit on account p-3"]}


READABLE = [each for each in TRANSFER_CORRUPTIONS if "unreadable" not in each.name]
"""The audit takes valid rows only."""


@pytest.mark.parametrize("corruption", READABLE, ids=lambda each: each.name)
def test_the_audit_finds_in_the_table_what_reconcile_finds(corruption: Corruption) -> None:
    items, _ = corruption.make(*sides())
    rows = [from_item(item) for item in items]
    expected = [account_id for kind, account_id, *_ in corruption.expected if kind == "unpaired"]
    notes = [name for name, findings in found(rows, []).items() for each in findings if each.startswith("transfer ")]
    assert notes == expected
