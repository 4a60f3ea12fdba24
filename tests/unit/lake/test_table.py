"""The table has a place for whatever is published: a field without a column would be lost to the analysts unseen."""

import pytest

from account_events.avro.codec import CONTRACT
from consumers.lake import table
from ops.lake.reconcile.differences import FIELDS
from ops.lake.reconcile.ledger_rows import LedgerEvent
from tools.column_comments import comment


def test_every_event_has_its_partition() -> None:
    assert tuple(sorted(CONTRACT.working)) == table.EVENT_TYPES


def test_every_field_of_every_event_has_its_column_and_no_other_has_one() -> None:
    fields = {name for schema in CONTRACT.working.values() for name in schema.field_types}
    assert {column.name for column in table.COLUMNS if not column.added} == fields


def test_every_field_is_reconciled() -> None:
    """What the lake adds of its own, the ledger cannot know."""
    fields = {column.name for column in table.COLUMNS if not column.added}
    assert set(LedgerEvent._fields) == fields | {"event_type"}
    assert {"account_id", "sequence", *FIELDS} == fields | {"event_type", "dt"}


def test_a_column_of_no_event_needs_words_of_its_own() -> None:
    assert comment(table.Column("seen_by", "string", "Who saw it."), CONTRACT) == "Who saw it."
    with pytest.raises(LookupError, match="seen_by"):
        comment(table.Column("seen_by", "string"), CONTRACT)
