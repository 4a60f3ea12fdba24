"""From the ledger into the lake: the events that the lake lacks, by a replay.

They are collected first, in DuckDB, and written at the end, in few and large files. A file is named by what is in it:
the same events written twice are one file. What the delivery brings meanwhile is there twice, and shown once.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from account_events.avro.errors import Undecodable
from consumers.lake.delivery.parquet import arrow_schema, parquet
from consumers.lake.errors import Refused
from consumers.lake.rows import Rows
from consumers.lake.table import COLUMNS, partition_prefix
from ops.lake.query.duckdb_engine import with_rows
from projector.outgoing import Outgoing

if TYPE_CHECKING:
    import duckdb

FILE_ROWS_MAX = 100_000
_SCHEMA: pa.Schema = arrow_schema([(column.name, column.glue_type) for column in COLUMNS])
_COLLECTED = pa.schema([(name, pa.string()) for name in ("account_id", "dt", "event_type", "line")]).append(
    pa.field("sequence", pa.int64())
)


class MissingSink:
    """A Sink of a replay: takes every event, keeps those that the lake has not.

    Args:
        connection: DuckDB's with the lake's tables, see `DuckDBEngine`; its default catalog is another from now on.
        folder: for files, which may grow to some times the size of what is missing.
        rows: makes the rows.
        account_ids: all that will come; None: any may.
        cut_us: what occurred later may be on its way and is left out, microseconds since 1970.

    Attributes:
        refused: events that are no rows, each with the reason.
        young: events left out because of `cut_us`.
    """

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        folder: Path,
        rows: Rows,
        account_ids: Sequence[str] | None,
        cut_us: int,
    ) -> None:
        self._connection, self._rows, self._cut_us = connection, rows, cut_us
        self._buffer: list[tuple[str, str, str, str, int]] = []
        self.refused: list[tuple[str, int, str]] = []
        self.young = 0
        place = str(folder).replace("'", "''")
        connection.execute(f"SET temp_directory = '{place}'")
        connection.execute(f"ATTACH '{place}/backfill.duckdb' AS work; USE work")
        which = "" if account_ids is None else "WHERE account_id IN (SELECT unnest($account_ids))"
        connection.execute(
            f"CREATE TABLE present AS SELECT DISTINCT account_id, sequence FROM memory.main.account_events {which}",  # noqa: S608
            None if account_ids is None else {"account_ids": list(account_ids)},
        )
        with_rows(self._connection, "CREATE TABLE missing AS FROM rows", _COLLECTED.empty_table())

    def write(self, events: Sequence[Outgoing]) -> int:
        """As `Sink.write`."""
        for event in events:
            if event.occurred_us > self._cut_us:
                self.young += 1
                continue
            try:
                row = self._rows.row(event.data, None)
            except (Refused, Undecodable) as error:
                self.refused.append((event.account_id, event.sequence, str(error)))
                continue
            self._buffer.append((event.account_id, row.dt, row.event_type, row.line, event.sequence))
        return 0

    def flush(self) -> int | None:
        """As `Sink.flush`; but nothing is safe before `save`."""
        if self._buffer:
            columns = zip(zip(*self._buffer, strict=True), _COLLECTED.types, strict=True)
            rows = pa.Table.from_arrays([pa.array(*column) for column in columns], schema=_COLLECTED)
            with_rows(
                self._connection,
                "INSERT INTO missing SELECT rows.* FROM rows ANTI JOIN present p "
                "ON rows.account_id = p.account_id AND rows.sequence = p.sequence",
                rows,
            )
            self._buffer = []
        return None

    def save(self, put: Callable[[str, bytes], object]) -> Iterator[tuple[str, int]]:
        """Write what is missing, file by file: each one's key and its rows.

        Args:
            put: an object, by its key.
        """
        partitions = self._connection.execute("SELECT DISTINCT dt, event_type FROM missing ORDER BY ALL").fetchall()
        for dt, event_type in partitions:
            for lines in self._files(dt, event_type):
                digest = sha256("".join(lines).encode()).hexdigest()[:32]
                key = f"{partition_prefix(dt, event_type)}backfill-{digest}.parquet"
                put(key, parquet([json.loads(line) for line in lines], _SCHEMA))
                yield key, len(lines)

    def _files(self, dt: str, event_type: str) -> Iterator[list[str]]:
        """The lines of each file of a partition, ordered, so that they are the same every time.

        A replay may repeat an event.
        """
        cursor = self._connection.cursor()  # the caller's transaction goes on beside it
        cursor.execute("USE work")
        found = cursor.execute(
            "SELECT line FROM (SELECT DISTINCT account_id, sequence, line FROM missing "
            "WHERE dt = $dt AND event_type = $event_type) ORDER BY account_id, sequence",
            {"dt": dt, "event_type": event_type},
        )
        while lines := found.fetchmany(FILE_ROWS_MAX):
            yield [line for (line,) in lines]
