"""DataFusion over the same files as DuckDB. They share no code, so a result of both is not a quirk of one engine."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import sqlglot
from datafusion import SessionContext

from consumers.lake import table
from consumers.lake.added_columns import MONTH_KEYS, PARTITION_KEYS
from consumers.lake.delivery.parquet import arrow_schema
from ops.lake.query.athena_engine import literal
from ops.lake.query.catalog import COMMENTS
from ops.lake.query.duckdb_engine import EVENTS_VIEW
from ops.lake.query.engine import Answer
from ops.lake.query.history import HISTORY_VIEW


class DataFusionEngine:
    """An `Engine` on a folder."""

    def __init__(self, root: Path) -> None:
        self._context = SessionContext()
        events = [(column.name, column.glue_type) for column in table.COLUMNS]
        keys = [column.name for column in PARTITION_KEYS]
        self._register("account_events", root / table.EVENTS_PREFIX, events, keys)
        self._register("daily_totals", root / table.TOTALS_PREFIX, table.TOTALS_COLUMNS, ["month"])
        months = [(column.name, column.glue_type) for column in table.MONTHS_COLUMNS]
        self._register("account_months", root / table.MONTHS_PREFIX, months, [key.name for key in MONTH_KEYS])
        self._context.sql(_dialect(EVENTS_VIEW, ())).collect()
        self._context.sql(_dialect(HISTORY_VIEW, ())).collect()

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        found = self._context.sql(_dialect(sql, parameters))
        columns = tuple(found.schema().names)
        batches = found.collect()
        rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
        return Answer(columns, rows)

    def _register(self, name: str, folder: Path, columns: Sequence[tuple[str, str]], keys: Sequence[str]) -> None:
        folder.mkdir(exist_ok=True)
        partitions = [(key, pa.string()) for key in keys]
        self._context.register_listing_table(name, str(folder), partitions, ".parquet", arrow_schema(columns))


def _dialect(sql: str, parameters: Sequence[str]) -> str:
    """Translate Athena's SQL for DataFusion, whose dialect is closest to PostgreSQL's, with parameters as literals."""
    first, *others = COMMENTS.sub("", sql).split("?")
    pieces = (f"{literal(value)}{piece}" for value, piece in zip(parameters, others, strict=True))
    translated = sqlglot.transpile(first + "".join(pieces), read="athena", write="postgres")[0]
    # PostgreSQL and DataFusion have another function for the text that Athena computes with four.
    return translated.replace("LOWER(HEX(MD5_DIGEST(ENCODE(account_id, 'utf-8'))))", "MD5(account_id)")
