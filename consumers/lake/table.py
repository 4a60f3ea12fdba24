"""The table `account_events` and where its files are in the lake's bucket. Pure.

template.yaml has the same as a Glue table, each column with its field's doc from the schemas as comment; tests compare.
"""

from dataclasses import dataclass
from datetime import datetime

EVENTS_PREFIX = "events/"
TOTALS_PREFIX = "daily_totals/"
ERRORS_PREFIX = "errors/"
REASONS_PREFIX = f"{ERRORS_PREFIX}reasons/"

MONEY = "decimal(18,2)"

EVENT_TYPES = ("AccountCreated", "BalanceCredited", "BalanceWithdrawn")
"""The values of the partition key `event_type`; template.yaml's projection lists the same."""


@dataclass(frozen=True, slots=True)
class Column:
    """One of the table's.

    Attributes:
        glue_type: as the Glue Data Catalog, Hive and Athena's DDL name it.
        added: what it says, if it is none of the events' own fields: those are documented in the schemas.
    """

    name: str
    glue_type: str
    added: str = ""


COLUMNS = (
    Column("event_id", "string"),
    Column("account_id", "string"),
    Column("sequence", "bigint"),
    Column("occurred_at", "timestamp"),
    Column("correlation_id", "string"),
    Column("causation_id", "string"),
    Column("request_id", "string"),
    Column("owner", "string"),
    Column("currency", "string"),
    Column("amount", MONEY),
    Column("balance", MONEY),
    Column(
        "published_at",
        "timestamp",
        "When Kinesis took the event, UTC; null for an event that came from the ledger and not from the stream.",
    ),
    Column("schema_fingerprint", "string", "The schema the event was written with: its CRC-64-AVRO, 16 hex digits."),
)
"""What a file holds."""

PARTITION_KEYS = (
    Column("dt", "string", "The day on which the event occurred, UTC, YYYY-MM-DD. Name it, or everything is read."),
    Column("event_type", "string", "AccountCreated, BalanceCredited or BalanceWithdrawn."),
)
"""What a file's path says. Both follow from the event, so that a repeated one is in the same partition."""

OF_QUERIES = ("copy", "listed_file", "at_account_id", "at_sequence")
"""Columns beside all of the table's: of `tables/events.sql`, of DuckDB's views over files, and of `reconcile`."""

TOTALS_COLUMNS = (
    ("dt", "string"),
    ("currency", "string"),
    ("opened", "bigint"),
    ("credits", "bigint"),
    ("credited", "decimal(38,2)"),
    ("withdrawals", "bigint"),
    ("withdrawn", "decimal(38,2)"),
    ("events", "bigint"),
    ("accounts", "bigint"),
    ("made_of", "string"),
)
"""Of the table `daily_totals`, whose partition key is `month`; template.yaml has the same, with comments."""


def partition_prefix(dt: str, event_type: str) -> str:
    """Where the files of a partition are; template.yaml tells Firehose the same."""
    return f"{EVENTS_PREFIX}dt={dt}/event_type={event_type}/"


def timestamp(instant: datetime) -> str:
    """An instant in UTC as Firehose's JSON reader understands it, in microseconds."""
    return instant.replace(tzinfo=None).isoformat(" ", "microseconds")
