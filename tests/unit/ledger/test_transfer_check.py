"""The two events of a transfer must agree, whatever is wrong with them."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.events import Credited, EventRow, Transfer, Withdrawn
from account_core.rows.items import version_of
from ops.ledger.transfer_check import TransferCheck
from ops.ledger.transfers import SEQUENCE_MAX
from projector.translate import translate

FIVE = Decimal("5.00")
PAID = EventRow(
    "a", 2, 2, "2026-01-31T09:30:00.000001Z", Withdrawn(FIVE, Transfer("t-1", "b")), FIVE, "EUR", "order-7", "r-1"
)
RECEIVED = replace(PAID, account_id="b", event=Credited(FIVE, Transfer("t-1", "a")), correlation_id="t-1")


def notes(*events: tuple[str, Mapping[str, Any]]) -> list[str]:
    with TransferCheck() as check:
        for name, fields in events:
            check.add_published(name, fields)
        return [each.note for each in check.unpaired()]


def changed(row: EventRow, **fields: object) -> tuple[str, Mapping[str, Any]]:
    name, there = translate(row)
    return name, {**there, **fields}


def test_a_whole_transfer_is_no_finding() -> None:
    assert notes(changed(PAID), changed(RECEIVED)) == []


@pytest.mark.parametrize("row", [PAID, RECEIVED])
def test_an_event_without_a_counterparty_is_found(row: EventRow) -> None:
    lone = changed(row, counterparty_account_id=None)
    assert len(notes(lone)) == 1
    assert "on account ?" in notes(lone)[0]
    [note] = notes(*(lone if each is row else changed(each) for each in (PAID, RECEIVED)))
    assert "do not name each other" in note
    assert "names none" in note


def test_a_transfer_of_an_account_to_itself_is_found() -> None:
    third = {"account_id": "a", "sequence": 3, "event_id": "a:3", "counterparty_account_id": "a"}
    [note] = notes(changed(PAID, counterparty_account_id="a"), changed(RECEIVED, **third))
    assert note == "transfer t-1 has one account only: a:2 and a:3"


def test_a_row_with_an_impossible_sequence_counts_as_missing() -> None:
    sequence = SEQUENCE_MAX + 1
    too_large = replace(RECEIVED, sequence=sequence, version=version_of(sequence))
    with TransferCheck() as check:
        check.add([PAID, too_large])
        assert [each.note for each in check.unpaired()] == ["transfer t-1 has no valid credit on account b"]
