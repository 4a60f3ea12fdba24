"""The tables `account_events` and `account_months`, and the prefixes in the lake's bucket. Pure.

`COLUMNS` is the only list of the table's columns. A column's type comes from the events' schemas. The transform's rows,
`reconcile`, `backfill` and DuckDB's view use the list when they run. `make template` writes it into the Glue table in
template.yaml, the view `tables/events.sql` and docs/lake.md.
"""

from datetime import datetime
from hashlib import md5
from typing import Any

from account_events.avro.codec import CONTRACT
from consumers.lake.added_columns import (
    COMPACTION,
    OCCURRED_AT_US,
    PARTITION_KEYS,
    PUBLISHED_AT,
    SCHEMA_FINGERPRINT,
    Column,
)

EVENTS_PREFIX = "events/"
MONTHS_PREFIX = "account_months/"
TOTALS_PREFIX = "daily_totals/"
ERRORS_PREFIX = "errors/"
REASONS_PREFIX = f"{ERRORS_PREFIX}reasons/"

MONEY = "decimal(18,2)"

EVENT_TYPES = ("AccountCreated", "BalanceCredited", "BalanceWithdrawn")
"""The values of the partition key `event_type`; template.yaml's partition projection lists the same."""


def event_field(name: str) -> Column:
    """The column of a field of the events, with the type that the working schemas give it.

    The schema gate ensures that all events give a field of one name the same type.

    Raises:
        LookupError: no event has the field, or its Avro type has no column type here.
    """
    schemas = [CONTRACT.working[event_type].field_types for event_type in EVENT_TYPES]
    types = [schema[name] for schema in schemas if name in schema]
    if not types:
        raise LookupError(
            f"consumers/lake/table.py: no event has a field {name}; correct the name or add it to a schema."
        )
    return Column(name, _glue_type(name, types[0]), optional=any(isinstance(each, list) for each in types))


def _glue_type(name: str, avro_type: Any) -> str:  # noqa: ANN401 -- Avro's JSON
    match avro_type:
        case ["null", branch]:
            return _glue_type(name, branch)
        case "string":
            return "string"
        case "long":
            return "bigint"
        case {"type": "long", "logicalType": "timestamp-micros"}:
            return "timestamp"
        case {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}:
            return MONEY
    raise LookupError(f"consumers/lake/table.py has no column type for the field {name}: add one for {avro_type}.")


COLUMNS = (
    event_field("event_id"),
    event_field("account_id"),
    event_field("sequence"),
    event_field("occurred_at"),
    event_field("correlation_id"),
    event_field("causation_id"),
    event_field("request_id"),
    event_field("owner"),
    event_field("currency"),
    event_field("amount"),
    event_field("balance"),
    PUBLISHED_AT,
    SCHEMA_FINGERPRINT,
    OCCURRED_AT_US,
    event_field("transfer_id"),
    event_field("counterparty_account_id"),
)
"""The columns in a file. Add new ones at the end; never rename, remove or move one."""

EVENT_FIELDS = tuple(column for column in COLUMNS if not column.added)
"""The columns that the ledger has as well."""

MONTHS_COLUMNS = (*COLUMNS, *PARTITION_KEYS, COMPACTION)
"""The columns in a file of `account_months`."""

BUCKETS = tuple(f"{number:02x}" for number in range(0, 256, 4))
"""The values of the partition key `bucket`; template.yaml's partition projection lists the same."""
_SIX_BITS = 0xFC

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
"""The columns of the table `daily_totals`, partitioned by `month`; template.yaml lists the same, with comments."""


def partition_prefix(dt: str, event_type: str) -> str:
    """The prefix of a partition's files; Firehose's prefix in template.yaml is the same."""
    return f"{EVENTS_PREFIX}dt={dt}/event_type={event_type}/"


def bucket_of(account_id: str) -> str:
    """The account's bucket; `tables/account_history.sql` computes the same."""
    return f"{md5(account_id.encode(), usedforsecurity=False).digest()[0] & _SIX_BITS:02x}"


def month_prefix(month: str, bucket: str) -> str:
    """The prefix of the files of `account_months` for a month, YYYY-MM, and a bucket."""
    return f"{MONTHS_PREFIX}dt_month={month}/account_bucket={bucket}/"


def timestamp(instant: datetime) -> str:
    """A UTC instant as Firehose's JSON reader parses it, with microseconds."""
    return instant.replace(tzinfo=None).isoformat(" ", "microseconds")
