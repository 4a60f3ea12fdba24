"""The columns of a file, from the text of its schema."""

import pytest

from consumers.lake import table
from ops.lake.query.file_columns import Element, problem_of
from ops.lake.spark.footers import elements

COLUMNS = [(column.name, column.glue_type) for column in table.COLUMNS]
WHOLE = """message schema {
  optional binary event_id (STRING);
  optional binary account_id (UTF8);
  optional int64 sequence;
  optional int64 occurred_at (TIMESTAMP(MICROS,false));
  optional binary currency (STRING) = 7;
  optional fixed_len_byte_array(8) amount (DECIMAL(18,2));
  optional int64 balance (DECIMAL(18, 2));
  optional int96 published_at;
  optional group other {
    optional binary amount;
    repeated group list (LIST) {
      optional double balance;
    }
  }
  required binary schema_fingerprint (STRING);
}
"""


def test_the_tables_types_are_accepted_in_every_form_that_parquet_has() -> None:
    found = list(elements(WHOLE))
    assert problem_of(found, COLUMNS) is None
    assert [each.name for each in found[1:]] == [
        "event_id", "account_id", "sequence", "occurred_at", "currency", "amount", "balance", "published_at", "other",
        "schema_fingerprint",
    ]  # fmt: skip
    assert found[9] == Element("other", None, None)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("optional double balance;", "balance is DOUBLE, not DECIMAL(18,2)"),
        ("optional float balance;", "balance is FLOAT"),
        ("optional fixed_len_byte_array(16) balance (DECIMAL(20,4));", "balance is DECIMAL(20,4)"),
        ("optional int64 balance;", "balance is BIGINT"),
        ("optional group balance {\n    optional int64 x;\n  }", "balance is a group"),
        ("optional int32 sequence;", "sequence is INTEGER"),
        ("optional int32 sequence (INTEGER(8,true));", "sequence is INTEGER(8,true)"),
        ("optional int64 sequence (INTEGER(64,false));", "sequence is INTEGER(64,false)"),
        ("optional binary owner;", "owner is BLOB, not VARCHAR"),
        ("optional int64 occurred_at (TIMESTAMP(NANOS,false));", "occurred_at is TIMESTAMP_NS"),
        ("optional int64 occurred_at (TIMESTAMP(MILLIS,true));", "occurred_at is TIMESTAMP_MS"),
        ("optional int64 BALANCE;", "BALANCE is BIGINT"),
        ("optional binary owner (STRING);\n  optional binary OWNER (STRING);", "does not distinguish"),
    ],
)
def test_other_types_are_found(field: str, found: str) -> None:
    problem = problem_of(elements(f"message schema {{\n  {field}\n}}\n"), COLUMNS)
    assert problem is not None
    assert found.replace("does", "do") in problem
