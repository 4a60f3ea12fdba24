"""Every field of every event has a column. Analysts would not notice a field without one."""

import pytest

from account_events.avro.codec import CONTRACT
from consumers.lake import table
from consumers.lake.added_columns import Column
from ops.lake.reconcile.comparison import LEDGER
from ops.lake.reconcile.differences import FIELDS, KEYS
from tools.lake_columns import comment

PUBLISHED_COLUMNS = [
    ("event_id", "string"),
    ("account_id", "string"),
    ("sequence", "bigint"),
    ("occurred_at", "timestamp"),
    ("correlation_id", "string"),
    ("causation_id", "string"),
    ("request_id", "string"),
    ("owner", "string"),
    ("currency", "string"),
    ("amount", "decimal(18,2)"),
    ("balance", "decimal(18,2)"),
    ("published_at", "timestamp"),
    ("schema_fingerprint", "string"),
    ("occurred_at_us", "bigint"),
]
"""The columns of files already written. Never edit one; after a release, add its new columns at the end."""


def test_published_columns_keep_their_names_types_and_order() -> None:
    columns = [(column.name, column.glue_type) for column in table.COLUMNS]
    assert columns[: len(PUBLISHED_COLUMNS)] == PUBLISHED_COLUMNS


def test_every_event_has_its_partition() -> None:
    assert tuple(sorted(CONTRACT.working)) == table.EVENT_TYPES


def test_the_columns_are_the_fields_of_the_events() -> None:
    fields = {name for schema in CONTRACT.working.values() for name in schema.field_types}
    assert {column.name for column in table.EVENT_FIELDS} == fields, "add the field to COLUMNS, at the end"


def test_every_field_is_reconciled() -> None:
    """Except the columns that the lake adds and that cannot be computed from the ledger."""
    fields = {column.name for column in table.COLUMNS if not column.added}
    assert set(LEDGER.names) == fields | {"event_type"}
    assert {*KEYS, *FIELDS} == fields | {"event_type", "dt", "occurred_at_us"}


def test_a_field_that_no_event_has_cannot_be_a_column() -> None:
    with pytest.raises(LookupError, match="no event has a field seen_by"):
        table.event_field("seen_by")


def test_a_column_that_no_event_has_needs_a_comment() -> None:
    assert comment(Column("seen_by", "string", "Who saw it."), CONTRACT) == "Who saw it."
    with pytest.raises(LookupError, match="seen_by"):
        comment(Column("seen_by", "string"), CONTRACT)
