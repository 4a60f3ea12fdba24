"""Writes the events that the lake lacks, with a replay that reads them from the ledger or from an export of it.

The events are first collected in DuckDB, then written in few, large files, which are staged and verified before the
first one is in the lake; see `staged`. A file's name is a digest of its content, so writing the same events twice
results in one file. If Firehose delivers an event meanwhile, the lake has two copies, of which the view `events` shows
one.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from ops.lake.repair.staged import StagedFiles
from projector.outgoing import Outgoing

if TYPE_CHECKING:
    import duckdb

FILE_ROWS_MAX = 100_000
SCHEMA: pa.Schema = arrow_schema([(column.name, column.glue_type) for column in COLUMNS])
_COLLECTED = pa.schema([(name, pa.string()) for name in ("account_id", "dt", "event_type", "line")]).append(
    pa.field("sequence", pa.int64())
)


class MissingSink:
    """A replay's `Sink` that collects the events that the lake lacks.

    Args:
        connection: the connection of a `DuckDBEngine`. The sink changes its default catalog.
        folder: a folder for temporary files, which may grow to several times the size of the missing events.
        rows: turns events into rows of the lake.
        account_ids: the accounts that will be replayed; None for all.
        cut_us: microseconds since 1970. Later events are left out, because they may be on their way.

    Attributes:
        refused: the events without a row, each as account, sequence and reason.
        young: the number of events left out because of `cut_us`.
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
        """See `Sink.write`."""
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
        """See `Sink.flush`. Unlike other sinks, this one stores nothing durably before `save`."""
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

    def save(
        self, files: StagedFiles, reopen: Callable[[Iterable[str]], object] = lambda _days: None
    ) -> Iterator[tuple[str, int]]:
        """Write the missing events: all are staged, then published; yields each file's key and its number of rows.

        Args:
            files: the staged files.
            reopen: called with the days of all files before the first is published, see `Reopening`.

        Raises:
            NotAsWritten: a staged file is wrong; nothing was published.
        """
        partitions = self._connection.execute("SELECT DISTINCT dt, event_type FROM missing ORDER BY ALL").fetchall()
        for dt, event_type in partitions:
            for lines in self._files(dt, event_type):
                digest = sha256("".join(lines).encode()).hexdigest()[:32]
                key = f"{partition_prefix(dt, event_type)}backfill-{digest}.parquet"
                files.stage(key, parquet([json.loads(line) for line in lines], SCHEMA), len(lines))
        if partitions:
            reopen({dt for dt, _ in partitions})
        yield from files.publish()

    def _files(self, dt: str, event_type: str) -> Iterator[list[str]]:
        """The lines of each file of a partition, without duplicates, in the same order in every run."""
        cursor = self._connection.cursor()  # the connection itself still returns the partitions to the caller
        cursor.execute("USE work")
        found = cursor.execute(
            "SELECT line FROM (SELECT DISTINCT account_id, sequence, line FROM missing "
            "WHERE dt = $dt AND event_type = $event_type) ORDER BY account_id, sequence",
            {"dt": dt, "event_type": event_type},
        )
        while lines := found.fetchmany(FILE_ROWS_MAX):
            yield [line for (line,) in lines]
