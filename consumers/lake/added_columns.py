"""The columns that the lake adds to the events' fields. Pure.

`account-events schema check` imports this module even if a schema is broken, so nothing here may read the schemas.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes:
        glue_type: as the Glue Data Catalog, Hive and Athena's DDL name it.
        added: the comment of a column that the lake adds. Empty for a field of the events: its schemas document it.
        optional: whether a field of the events may be null where an event has it.
    """

    name: str
    glue_type: str
    added: str = ""
    optional: bool = False


PUBLISHED_AT = Column(
    "published_at",
    "timestamp",
    "When Kinesis received the event, UTC; null for an event that was written from the ledger, not from the stream.",
)
SCHEMA_FINGERPRINT = Column(
    "schema_fingerprint",
    "string",
    "The fingerprint of the schema with which the event was written: CRC-64-AVRO, 16 hex digits.",
)
OCCURRED_AT_US = Column(
    "occurred_at_us",
    "bigint",
    "occurred_at in microseconds since 1970, because Athena rounds times to milliseconds; null in older files.",
)

PARTITION_KEYS = (
    Column(
        "dt",
        "string",
        "The day on which the event occurred, UTC, YYYY-MM-DD. A query without a condition on dt reads every file.",
    ),
    Column("event_type", "string", "AccountCreated, BalanceCredited or BalanceWithdrawn."),
)
"""The columns in a file's path. The event determines both, so a duplicate is always in the same partition."""

COMPACTION = Column(
    "compaction",
    "string",
    "The compaction that wrote the row. A month has one that is current: query `account_history`, which selects it.",
)
MONTH_KEYS = (
    Column("dt_month", "string", "The month in which the event occurred, UTC, YYYY-MM."),
    Column(
        "account_bucket",
        "string",
        "One of 64 groups of accounts: the first six bits of the MD5 of account_id, as a byte in hex: 00, 04, ... fc.",
    ),
)
"""The columns in the path of a file of the table `account_months`."""

RESERVED_NAMES = (
    *("copy", "listed_file", "at_account_id", "at_sequence"),
    *(column.name for column in (COMPACTION, *MONTH_KEYS)),
)
"""Column names that the views, the table `account_months`, DuckDB's views over files and `reconcile` use themselves.

No field of an event may have one of these names.
"""
