"""Writes the files of a month with pyarrow, in Spark's workers, because Spark's own writer names the files itself.

Each bucket is in one file, which is written to a temporary file and then put under its key as a whole. A task that
Spark repeats replaces the file with one of the same events.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumers.lake import table
from consumers.lake.added_columns import COMPACTION
from ops.lake.query.account_months import ROW_GROUP_ROWS
from ops.lake.spark.locations import put

BUCKET, DIGEST = "account_bucket", "digest"
FIGURES = "dt string, events bigint, amount decimal(38,2), digest bigint"
"""What a task reports: the events that it was given, for each bucket and day."""

_TYPES: Mapping[str, Any] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"),
    table.MONEY: pa.decimal128(18, 2),
}
_SCHEMA = pa.schema([(column.name, _TYPES[column.glue_type]) for column in table.MONTHS_COLUMNS])
_SUM = pa.decimal128(38, 2)
_FIGURES = pa.schema([("dt", pa.string()), ("events", pa.int64()), ("amount", _SUM), ("digest", pa.int64())])
_OPTIONS = {
    "compression": "zstd",
    "compression_level": 3,  # DuckDB's
    "use_dictionary": ["account_id", "currency", "schema_fingerprint", "dt", "event_type", COMPACTION.name],
    "store_schema": False,
}
"""A dictionary of a column whose values rarely repeat makes it larger: 17 % of all bytes."""


def write(batches: Iterable[Any], root: str, month: str, compaction: str) -> Iterator[Any]:
    """Write the buckets of a partition, and yield the figures of each.

    Args:
        batches: Arrow's record batches of at most ROW_GROUP_ROWS rows, sorted by bucket, account and sequence. They
            have the columns of an event, with times in microseconds since 1970, and BUCKET and DIGEST.
        root: the lake's folder or bucket, with a slash at the end.
        month: YYYY-MM.
        compaction: the name of the new files.
    """
    for bucket, parts in groupby(_parts(batches), key=itemgetter(0)):
        with tempfile.TemporaryDirectory(prefix="account-events-") as folder:
            file = Path(folder) / "bucket.parquet"
            figures = _write(file, (rows for _, rows in parts), compaction)
            put(file, f"{root}{table.month_prefix(month, bucket)}{compaction}.parquet")
        yield figures


def _parts(batches: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """The batches, cut where a bucket ends."""
    for batch in batches:
        buckets = batch.column(BUCKET)
        first = 0
        while first < len(batch):
            bucket = buckets[first].as_py()
            count = pc.sum(pc.equal(buckets, bucket)).as_py()
            yield bucket, pa.Table.from_batches([batch.slice(first, count)])
            first += count


def _write(file: Path, parts: Iterable[Any], compaction: str) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Write a file; a part becomes a row group."""
    figures = []
    with pq.ParquetWriter(file, _SCHEMA, **_OPTIONS) as writer:
        for part in parts:
            names = pa.repeat(pa.scalar(compaction), len(part))
            rows = part.append_column(COMPACTION.name, names).select(_SCHEMA.names).cast(_SCHEMA)
            writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
            figures.append(
                pa.table([part["dt"], part["amount"].cast(_SUM), part[DIGEST]], ["dt", "amount", DIGEST])
                .group_by("dt")
                .aggregate([([], "count_all"), ("amount", "sum"), (DIGEST, "sum")])
            )
    summed = (
        pa.concat_tables(figures)
        .group_by("dt")
        .aggregate([("count_all", "sum"), ("amount_sum", "sum"), (f"{DIGEST}_sum", "sum")])
    )
    columns = [summed["dt"], summed["count_all_sum"], summed["amount_sum_sum"], summed[f"{DIGEST}_sum_sum"]]
    [batch] = pa.table(columns, _FIGURES.names).cast(_FIGURES).combine_chunks().to_batches()
    return batch
