"""A backfill writes each event that the lake lacks, once and exactly as the delivery would have written it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from account_core.domain.events import Row
from account_events.consumer import Decoder
from consumers.lake.delivery.parquet import parquet
from consumers.lake.rows import Rows
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.reconcile.grace import cut_us
from ops.lake.repair import backfill
from ops.lake.repair.backfill import MissingSink
from ops.lake.repair.staged import STAGING_PREFIX, NotAsWritten, StagedFiles
from ops.replay.engine import replay
from ops.replay.selection import Accounts, Everything, Selection
from tests.support.lake import LakeRow, put, write
from tests.support.ledger_and_lake import START, history, lake_rows
from tests.support.memory_source import MemorySource, by_key, by_text, by_version

A, B = history("a-1", *["1.00"] * 30), history("a-ß", "2.50", currency="USD", owner="Zoë '; --")
ALL = [*A, *B]


class Bucket:
    """The lake's bucket in a folder.

    Attributes:
        copies_max: the number of copies after which the bucket fails.
        damages: whether it stores other bytes than it is given.
    """

    def __init__(self) -> None:
        self.root, self.copies_max, self.damages = Path(), 1_000, False
        self.copied: list[str] = []

    def get(self, key: str) -> bytes | None:
        return (self.root / key).read_bytes()

    def put(self, key: str, body: bytes) -> None:
        put(self.root / key, body + b"?" * self.damages)

    def copy(self, key: str, to: str) -> None:
        if len(self.copied) == self.copies_max:
            raise ConnectionError
        self.copied.append(to)
        self.put(to, (self.root / key).read_bytes())

    def delete(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)


class Given:
    """A ledger, a lake in a folder, and a folder for the work files of a backfill."""

    def __init__(self, folder: Path) -> None:
        self.lake, self.work = folder / "lake", folder / "work"
        self.source = MemorySource(page_rows=7)
        self.put: list[str] = []
        self.bucket = Bucket()
        self.reopened: list[str] = []

    def backfilled(
        self, selection: Selection | None = None, until_us: int = 2**60, first_day: str = "2020-01-01"
    ) -> MissingSink:
        self.put, self.bucket.copied, self.bucket.root = [], [], self.lake
        self.work.mkdir(exist_ok=True)
        (self.work / "backfill.duckdb").unlink(missing_ok=True)
        account_ids = selection.account_ids if isinstance(selection, Accounts) else None
        connection = DuckDBEngine(str(self.lake)).connection
        sink = MissingSink(connection, self.work, Rows(Decoder(), first_day), account_ids, until_us)
        replay(self.source, selection or Everything(), sink)
        self.reopened = []
        try:
            with StagedFiles(self.bucket, "run-1", backfill.SCHEMA) as files:
                self.put = [key for key, _rows in sink.save(files, self._reopen)]
        finally:
            connection.close()
        return sink

    def _reopen(self, days: Iterable[str]) -> None:
        assert not self.bucket.copied, "days are reopened before the first file is published"
        self.reopened = sorted(days)

    def rows(self) -> list[LakeRow]:
        found = DuckDBEngine(str(self.lake)).query("SELECT * FROM account_events ORDER BY account_id, sequence")
        return [
            {name: value if isinstance(value, int) or value is None else str(value) for name, value in row.items()}
            for row in found.records()
        ]


@pytest.fixture
def given(tmp_path: Path) -> Given:
    ledger_and_lake = Given(tmp_path)
    ledger_and_lake.source.put(ALL)
    return ledger_and_lake


def expected(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    return [_compared(row) for row in sorted(lake_rows(rows), key=lambda row: (row["account_id"], row["sequence"]))]


def _compared(row: LakeRow) -> tuple[object, ...]:
    """The values of the event itself. A time may lack zero microseconds."""
    left_out = {"published_at", "schema_fingerprint"}
    return tuple(str(row[name]).removesuffix(".000000") for name in sorted(row.keys() - left_out))


def test_an_empty_lake_gets_every_event_of_the_ledger(given: Given) -> None:
    given.backfilled()
    rows = given.rows()
    assert [_compared(row) for row in rows] == expected(ALL)
    assert {row["published_at"] for row in rows} == {None}
    assert len(given.put) == len(set(given.put)) == 3, "one file for each day and type"


def test_only_missing_events_are_written_and_only_once(given: Given) -> None:
    write(given.lake, [row for row in lake_rows(ALL) if row["sequence"] not in {2, 5}])
    given.backfilled()
    assert [(row["account_id"], row["sequence"]) for row in given.rows() if row["published_at"] is None] == [
        ("a-1", 2),
        ("a-1", 5),
        ("a-ß", 2),
    ]
    assert [_compared(row) for row in given.rows()] == expected(ALL)
    assert given.reopened == ["2026-08-01"]
    given.backfilled()
    assert (given.put, given.reopened) == ([], [])


def test_a_second_run_completes_the_first(given: Given) -> None:
    """After an interruption, a second run writes what the first one has not written."""
    given.backfilled()
    first = list(given.put)
    (given.lake / first[0]).unlink()
    given.backfilled()
    assert given.put == first[:1]
    assert [_compared(row) for row in given.rows()] == expected(ALL)


def test_the_files_do_not_depend_on_the_reading_order(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two concurrent runs write equal files under equal keys, so each event is in the lake once."""
    monkeypatch.setattr(backfill, "FILE_ROWS_MAX", 4)
    more = [row for account in range(2, 9) for row in history(f"a-{account}", *["3.00"] * 9)]
    given.source.put(more)
    written: list[list[str]] = []
    for order in (by_key, by_text, by_version):
        given.lake, given.source.order = given.work.with_name(order.__name__), order
        given.backfilled()
        written.append(given.put)
        assert [_compared(row) for row in given.rows()] == expected([*ALL, *more]), "no event twice"
    assert written[0] == written[1] == written[2]


def test_a_backfill_can_be_limited_to_accounts(given: Given) -> None:
    given.backfilled(Accounts(("a-ß", "unknown")))
    assert [_compared(row) for row in given.rows()] == expected(B)


def test_events_on_their_way_are_left_out(given: Given) -> None:
    sink = given.backfilled(until_us=cut_us(START, grace_s=0))
    assert sink.young == 31
    assert {row["sequence"] for row in given.rows()} == {1}
    assert cut_us(START, 10.5) == cut_us(START, 0) - 10_500_000


def test_refused_events_are_reported_and_the_rest_is_written(given: Given) -> None:
    sink = given.backfilled(first_day="2026-08-02")
    assert {(account_id, sequence) for account_id, sequence, _ in sink.refused} == {
        *(("a-1", sequence) for sequence in range(1, 16)),
        ("a-ß", 1),
        ("a-ß", 2),
    }
    assert all("2026-08-01" in reason for _, _, reason in sink.refused)
    assert [row["sequence"] for row in given.rows()] == list(range(16, 32))


def test_a_large_partition_is_written_as_several_files(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "FILE_ROWS_MAX", 4)
    given.backfilled()
    assert len(given.put) > 8
    assert [_compared(row) for row in given.rows()] == expected(ALL)


def files_in(lake: Path, prefix: str = "") -> list[str]:
    return sorted(path.relative_to(lake).as_posix() for path in (lake / prefix).rglob("*.parquet"))


def test_a_file_that_was_stored_wrongly_leaves_nothing_in_the_lake(given: Given) -> None:
    given.bucket.damages = True
    with pytest.raises(NotAsWritten, match="is not what was written"):
        given.backfilled()
    assert files_in(given.lake) == []


def test_a_failure_while_files_are_copied_leaves_whole_files(given: Given) -> None:
    """And the run that follows writes the others, and no event twice."""
    given.bucket.copies_max = 1
    with pytest.raises(ConnectionError):
        given.backfilled()
    assert files_in(given.lake) == given.bucket.copied
    assert len(given.bucket.copied) == 1
    given.bucket.copies_max = 1_000
    given.backfilled()
    assert [_compared(row) for row in given.rows()] == expected(ALL)
    before = files_in(given.lake)
    given.backfilled()
    assert files_in(given.lake) == before, "a third run changes nothing"


def test_nothing_stays_in_the_staging_prefix(given: Given) -> None:
    given.backfilled()
    assert given.put
    assert files_in(given.lake, STAGING_PREFIX) == []


@pytest.mark.parametrize(
    ("rows", "schema"), [(2, backfill.SCHEMA), (1, pa.schema([*backfill.SCHEMA, pa.field("more", pa.string())]))]
)
def test_a_staged_file_with_other_rows_or_types_is_refused(given: Given, rows: int, schema: pa.Schema) -> None:
    given.bucket.root = given.lake
    body = parquet([{"account_id": "a"}], backfill.SCHEMA)
    with (
        StagedFiles(given.bucket, "run-1", schema) as files,
        pytest.raises(NotAsWritten, match=f"1 rows instead of {rows}, or other columns"),
    ):
        files.stage("events/x.parquet", body, rows)
    assert files_in(given.lake) == []


def test_what_is_not_parquet_is_not_published(given: Given) -> None:
    given.bucket.root = given.lake
    with (
        StagedFiles(given.bucket, "run-1", backfill.SCHEMA) as files,
        pytest.raises(NotAsWritten, match="not a Parquet"),
    ):
        files.stage("events/x.parquet", b"PAR1", 1)
