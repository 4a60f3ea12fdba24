"""A lake in a folder that is compacted, with the view as Athena has it and the queries that are running there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.lake import table
from ops.lake.compact.compaction import KEPT, Compaction
from ops.lake.compact.month import write_month
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.files import listed
from ops.lake.query.history import HISTORY_VIEW, NAME
from ops.lake.query.history_store import HistoryStore, Reopening
from ops.lake.query.manifest import Manifest
from tests.support.folder_bucket import FolderBucket
from tests.support.lake import LakeRow, write

FIELDS = ", ".join(
    [
        *(column.name for column in table.COLUMNS if column.name != "published_at"),
        "dt",
        "event_type",
        "dt_month",
        "account_bucket",
    ]
)
Rows = list[tuple[Any, ...]]
MonthRows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Running:
    """A query that has begun: when, and the events that existed then."""

    at: datetime
    events: Rows


class CompactedLake:
    """The lake.

    Attributes:
        now: the current time of all commands.
        view: the statement of the view `account_history` in Athena.
        view_version: how often the view was created.
        running: the queries that may still be running, by their SELECT: the last one that has begun with it.
    """

    def __init__(self, root: Path, rows: Sequence[LakeRow], now: datetime) -> None:
        self.root, self.bucket, self.now = root, FolderBucket(root), now
        self.view, self.view_version = HISTORY_VIEW, 1
        self.running: dict[str, Running] = {}
        self._names = 0
        self._files = 0
        self.add(rows)

    def add(self, rows: Sequence[LakeRow]) -> None:
        """Add files with these rows, as a delivery does."""
        self._files += 1
        write(self.root, rows, file_name=f"part-{self._files}")

    @property
    def store(self) -> HistoryStore:
        s3: Any = self.bucket
        return HistoryStore(s3, "lake")

    def compaction(self, grace: timedelta = timedelta(0)) -> Compaction:
        return Compaction(
            self.store,
            self._write,
            self.publish,
            self._delete,
            lambda: self.now,
            self._new_name,
            grace,
            "2026-01-01",
        )

    def compact(self) -> dict[str, int]:
        """Compact what is outdated; returns the months with their numbers of events."""
        work = self.compaction()
        return dict(work.run(work.outdated()))

    def publish(self) -> None:
        self.store.publish(self._create_view)

    def reopening(self, name: str = "a-command") -> Reopening:
        return Reopening(self.store, self.publish, lambda: self.now, name)

    def add_late(self, rows: Sequence[LakeRow]) -> None:
        """Add files as a backfill or a redrive does."""
        with self.reopening() as reopen:
            reopen({row["dt"] for row in rows})
            self.add(rows)

    def change_month(
        self, month: str, bucket: str, change: Callable[[MonthRows], MonthRows], **types: pa.DataType
    ) -> None:
        """Change the rows, and the types of columns, of a compacted file, and the manifest, so that it still fits."""
        [file] = (self.root / table.month_prefix(month, bucket)).glob("*.parquet")
        read = pq.ParquetFile(file).read()
        changed_rows = pa.Table.from_pylist(change(read.to_pylist()), schema=read.schema)
        for name, kind in types.items():
            place = changed_rows.column_names.index(name)
            changed_rows = changed_rows.set_column(place, name, changed_rows.column(name).cast(kind))
        pq.write_table(changed_rows, file)
        fit_manifest(self.store, month)

    def events(self) -> Rows:
        return self.selected(f"SELECT {FIELDS} FROM ({HISTORY_VIEW.partition(f'VIEW {NAME} AS')[2]}) AS history")

    def selected(self, sql: str) -> Rows:
        return sorted(DuckDBEngine(str(self.root)).query(sql).rows, key=str)

    def begin_queries(self) -> None:
        """Begin a query on the view, and one of a command."""
        events = self.events()
        for select in (self.view.partition(f"VIEW {NAME} AS")[2], self.store.history().select()):
            self.running[select] = Running(self.now, events)

    def assert_exact(self) -> None:
        """A query that begins now returns every event once; one that is running, every event that existed."""
        events = self.events()
        for select in {self.view.partition(f"VIEW {NAME} AS")[2], self.store.history().select()}:
            assert self.selected(f"SELECT {FIELDS} FROM ({select}) AS history") == events, select
        for select, each in self.running.items():
            if each.at > self.now - KEPT:
                found = self.selected(f"SELECT {FIELDS} FROM ({select}) AS history")
                assert len(found) == len(set(found))
                assert set(each.events) <= set(found), each

    def _write(self, month: str, days: Sequence[str], name: str) -> int:
        with TemporaryDirectory() as folder:
            engine = DuckDBEngine(str(self.root), day=f"{month}-*")
            return write_month(
                engine,
                str(self.root),
                month,
                days,
                name,
                Path(folder),
                lambda key, file: self.bucket.upload_file(str(file), "lake", key),
            )

    def _delete(self, name: str) -> None:
        s3: Any = self.bucket
        for key, _ in list(listed(s3, "lake", table.MONTHS_PREFIX)):
            if key.endswith(f"/{name}.parquet"):
                s3.delete_object(Bucket="lake", Key=key)

    def _create_view(self, statement: str) -> None:
        self.bucket.before("view", NAME)
        self.view, self.view_version = statement, self.view_version + 1

    def _new_name(self, month: str) -> str:
        self._names += 1
        return f"{month}-{self._names}"


def fit_manifest(store: HistoryStore, month: str) -> None:
    """Change the manifest so that a month's files, which were changed, are those that the compaction has written."""

    def fitting(manifest: Manifest) -> Manifest:
        found = manifest.months[month]
        changed = replace(found, files=store.compactions()[found.compaction])
        return replace(manifest, months={**manifest.months, month: changed})

    store.update(fitting)


def at(day: str) -> datetime:
    """The beginning of a day, UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
