"""Which names a column of the lake's table `account_events` cannot have.

The table, the view `events` and the shipped queries do not quote their columns, and analysts should not have to. The
parsers decide which words are reserved: that of Trino, which Athena uses, and that of DuckDB, which runs the same SQL
locally.
"""

from functools import cache

import duckdb
import trino_sql_validator

from consumers.lake.added_columns import PARTITION_KEYS, PUBLISHED_AT, RESERVED_NAMES, SCHEMA_FINGERPRINT

_SELECT = "SELECT {0} FROM (SELECT 42 AS {0}) AS found"
_TAKEN = {
    **dict.fromkeys(
        (PUBLISHED_AT.name, SCHEMA_FINGERPRINT.name), "is a column that the lake adds to the table account_events"
    ),
    **{column.name: "is a partition key of the table account_events" for column in PARTITION_KEYS},
    **dict.fromkeys(RESERVED_NAMES, "is a name that the view events or a command of the lake uses for itself"),
}


def why_no_column(name: str) -> str | None:
    """Why a field of an event cannot have the name, a phrase to follow "it"; None if it can.

    Glue and Athena ignore case.
    """
    name = name.lower()
    if name in _TAKEN:
        return _TAKEN[name]
    if not name.isidentifier() or not trino_sql_validator.validate(_SELECT.format(name)).valid:
        return "would have to be quoted in Athena: a reserved word, or none at all"
    if not _is_a_name_in_duckdb(name):
        return "is a reserved word of DuckDB, which runs the queries locally, and would have to be quoted"
    return None


@cache
def _is_a_name_in_duckdb(name: str) -> bool:
    try:
        with _duckdb().cursor() as connection:
            found = connection.execute(_SELECT.format(name)).fetchone()
    except duckdb.Error:
        return False
    return found == (42,)


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """One connection for all names: starting DuckDB takes longer than a query."""
    return duckdb.connect()
