"""The engine `spark` of `lake compact` writes the rows that `local` writes. Needs `.venv-spark`: `make test-spark`.

Because of its name, pytest does not collect this file by default.
"""

import random
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from consumers.lake import table
from ops.lake.compact.month import number_of_events, write_month
from ops.lake.query.account_months import ROW_GROUP_ROWS
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.file_columns import Element, problem_of
from tests.spark.environment import SparkRefused, SparkWorker
from tests.support.lake import LakeRow, event, made_up, put, write

pytestmark = pytest.mark.timeout(600)  # the first test starts Spark

MONTH, NAME = "2026-08", "2026-08-by-spark"
DAYS = [f"2026-08-{number:02d}" for number in range(1, 30)]
"""Not all: the last days of the month are not closed yet."""


def rows_of(seed: int) -> list[LakeRow]:
    """Events of several months, some without values that may be null, and ids that are not ASCII."""
    generator = random.Random(seed)  # noqa: S311 -- test data
    rows = made_up(seed, 400, 45, 4_000)  # a day has 89
    for row in rows:
        row["account_id"] += "-Zoë-\U0001f4b6" if row["account_id"].endswith("7") else ""
        row["event_id"] = f"{row['account_id']}:{row['sequence']}"
        if generator.random() < 0.1:
            row.update(published_at=None, occurred_at_us=None)
        if generator.random() < 0.1:
            row.update(correlation_id=None, request_id="", schema_fingerprint=None)
    return rows


def copies_of(rows: Sequence[LakeRow], seed: int) -> list[LakeRow]:
    """Copies, equal ones and contradicting ones that the view `events` orders, of which it shows the first."""
    generator = random.Random(seed)  # noqa: S311 -- test data
    copies = []
    for number, row in enumerate(generator.sample(list(rows), 600)):
        published = datetime.fromisoformat(row["published_at"] or row["occurred_at"])
        later = table.timestamp(published + timedelta(microseconds=1))
        earlier = table.timestamp(published - timedelta(microseconds=1))
        other = {"balance": "12345.67", "request_id": "contradicts"}
        changes: list[LakeRow] = [
            {},
            {**other, "published_at": later},
            {**other, "published_at": earlier},
            {**other, "published_at": None, "schema_fingerprint": "z"},
            {**other, "schema_fingerprint": "0000000000000000"},
            {"dt": "2026-08-05" if row["dt"] != "2026-08-05" else "2026-08-06", "owner": "of another day"},
        ]
        copies.append(row | changes[number % len(changes)])
    return copies


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return made(tmp_path / "lake", 1)


def made(root: Path, seed: int) -> Path:
    """A lake with copies, a hidden file, and a day whose files lack the newest column."""
    rows = rows_of(seed)
    write(root, rows)
    write(root, copies_of(rows, seed), file_name="part-1")
    write(root, copies_of(rows, seed + 100), file_name="part-2")
    write(root, rows[:50], file_name="_hidden")
    for old in root.glob("events/dt=2026-08-03/*/part-*.parquet"):
        pq.write_table(pq.ParquetFile(old).read().drop_columns(["occurred_at_us"]), old)
    return root


def by_local(lake: Path, name: str = "2026-08-by-local", days: Sequence[str] = DAYS) -> int:
    def move(key: str, file: Path) -> None:
        (lake / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, lake / key)

    with TemporaryDirectory() as folder:
        engine = DuckDBEngine(str(lake), day=f"{MONTH}-*", has_older_files=True)
        return write_month(engine, str(lake), MONTH, days, name, Path(folder), move)


def by_spark(spark: SparkWorker, lake: Path, days: Sequence[str] = DAYS, **given: Any) -> int:  # noqa: ANN401 -- JSON
    answer = spark.ask("compact", lake=str(lake), month=MONTH, days=days, compaction=NAME, **given)
    events: int = answer["events"]
    return events


def files(lake: Path, name: str = NAME) -> dict[str, Path]:
    """The files of a compaction, by bucket."""
    found = (lake / table.MONTHS_PREFIX / f"dt_month={MONTH}").glob(f"*/{name}.parquet")
    return {path.parent.name.removeprefix("account_bucket="): path for path in found}


def content(path: Path) -> list[dict[str, Any]]:
    """The rows of a file in their order, without the compaction's name."""
    rows: list[dict[str, Any]] = pq.ParquetFile(path).read().drop_columns(["compaction"]).to_pylist()
    return rows


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    """Rows of equal accounts and sequences have no order: contradictions of different days or types."""
    return row["account_id"].encode(), row["sequence"], row["dt"], row["event_type"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spark_writes_the_rows_of_local_in_the_same_order(spark: SparkWorker, tmp_path: Path, seed: int) -> None:
    lake = made(tmp_path, seed)
    expected = by_local(lake)
    assert by_spark(spark, lake) == expected
    assert expected > 2_000
    local = files(lake, "2026-08-by-local")
    assert files(lake).keys() == local.keys() == set(table.BUCKETS)
    for bucket, file in files(lake).items():
        found = content(file)
        assert sorted(found, key=place) == sorted(content(local[bucket]), key=place), bucket
        order = [place(row)[:2] for row in found]
        assert order == sorted(order) == [place(row)[:2] for row in content(local[bucket])]
        assert {table.bucket_of(row["account_id"]) for row in found} == {bucket}
        assert pc.unique(pq.ParquetFile(file).read()["compaction"]).to_pylist() == [NAME]
    written = [str(path) for path in files(lake).values()]
    assert number_of_events(duckdb.connect(), written) == expected


def test_sparks_files_have_the_column_types_of_local(spark: SparkWorker, lake: Path) -> None:
    by_local(lake)
    by_spark(spark, lake)
    both = [files(lake, "2026-08-by-local")["00"], files(lake)["00"]]
    sql = "SELECT name, duckdb_type, num_children FROM parquet_schema($1)"
    local, found = (duckdb.execute(sql, [str(path)]).fetchall()[1:] for path in both)
    assert found == local
    columns = [(each.name, each.glue_type) for each in table.MONTHS_COLUMNS]
    assert problem_of([Element("root", None, None), *(Element(*each) for each in found)], columns) is None
    codecs = duckdb.execute("SELECT DISTINCT compression FROM parquet_metadata($1)", [str(both[1])]).fetchall()
    assert codecs == [("ZSTD",)]


def test_a_large_bucket_has_full_row_groups(spark: SparkWorker, tmp_path: Path) -> None:
    """More rows than Spark hands over at once by default, 10,000: only the first and the last group may be smaller."""
    at, one, count = datetime(2026, 8, 1), Decimal(1), 40_000  # noqa: DTZ001 -- UTC
    rows = [
        event("a-1", number, "BalanceCredited", at + timedelta(seconds=number), "EUR", one, one)
        for number in range(1, count + 1)
    ]
    write(tmp_path, rows)
    assert by_spark(spark, tmp_path) == count
    [file] = files(tmp_path).values()
    metadata = pq.ParquetFile(file).metadata
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert sum(sizes) == count
    assert set(sizes[1:-1]) == {ROW_GROUP_ROWS}
    assert max(sizes) == ROW_GROUP_ROWS


@pytest.mark.parametrize("count", [1, 2, 7, 33, len(table.BUCKETS)])
def test_the_buckets_are_spread_over_all_partitions(spark: SparkWorker, count: int) -> None:
    assert sorted(spark.ask("partitions", count=count)["partitions"]) == list(range(count))


def test_copies_that_the_view_does_not_order_have_an_order(spark: SparkWorker, tmp_path: Path) -> None:
    """Whichever file they are in, so that a task that Spark repeats writes the same."""
    rows = made_up(4, 20, 5, 200)
    other = [row | {"balance": "9.99"} for row in rows]
    written = []
    for name, (first, second) in {"one": (rows, other), "two": (other, rows)}.items():
        write(tmp_path / name, first, file_name="part-0")
        write(tmp_path / name, second, file_name="part-1")
        by_spark(spark, tmp_path / name)
        written.append({bucket: content(file) for bucket, file in files(tmp_path / name).items()})
    assert written[0] == written[1]


def test_a_repeated_write_replaces_the_files_with_equal_ones(spark: SparkWorker, lake: Path) -> None:
    events = by_spark(spark, lake)
    first = {bucket: path.read_bytes() for bucket, path in files(lake).items()}
    assert by_spark(spark, lake) == events
    assert {bucket: path.read_bytes() for bucket, path in files(lake).items()} == first


def test_a_month_without_events_has_no_files(spark: SparkWorker, lake: Path) -> None:
    assert by_spark(spark, lake, ["2026-08-31"]) > 0
    assert by_spark(spark, lake, []) == 0


def changed(file: Path, to: Path, column: str, value: object) -> Path:
    """A copy of a file with another value in its first row."""
    rows = pq.ParquetFile(file).read()
    position = rows.column_names.index(column)
    values = [value, *rows[column].to_pylist()[1:]]
    pq.write_table(rows.set_column(position, column, pa.array(values, rows.schema.field(column).type)), to)
    return to


CHANGES = {
    "amount": Decimal("0.01"),
    "owner": "another",
    "occurred_at": datetime(2026, 8, 1, 0, 0, 0, 1),  # noqa: DTZ001 -- UTC
    "schema_fingerprint": None,
    "dt": "2026-08-02",
    "compaction": "another",
}


def test_other_files_than_those_that_were_written_are_refused(spark: SparkWorker, tmp_path: Path) -> None:
    """With another value in one row, two columns exchanged, the rows of another file, without a row, or lost."""
    rows = made_up(5, 100, 25, 500)
    write(tmp_path, [row | {"request_id": None} for row in rows])  # a hash of Spark does not depend on where null is
    by_spark(spark, tmp_path)
    first, second, *_ = files(tmp_path).values()
    others = [changed(first, tmp_path / column, column, value) for column, value in CHANGES.items()]
    pq.write_table(pq.ParquetFile(first).read().slice(1), tmp_path / "short")
    names = pq.ParquetFile(first).schema_arrow.names
    exchanged = [{"correlation_id": "request_id", "request_id": "correlation_id"}.get(name, name) for name in names]
    pq.write_table(pq.ParquetFile(first).read().rename_columns(exchanged), tmp_path / "exchanged")
    cases = [str(each) for each in (*others, tmp_path / "short", tmp_path / "exchanged", second)]
    given = {"lake": str(tmp_path), "month": MONTH, "days": DAYS, "compaction": NAME}
    same = [str(first), str(shutil.copy(first, tmp_path / "same"))]
    answer = spark.ask("verify", **given, others=[*([str(first), each] for each in cases), [str(first), None], same])
    *refused, accepted = answer["refused"]
    assert accepted == "nothing was refused"
    assert len(refused) == 10
    for each in refused:
        assert each.startswith("NotVerified: The compacted files do not have the events of 2026-08-")


def test_a_file_that_is_lost_before_it_is_verified_is_refused(spark: SparkWorker, lake: Path) -> None:
    by_spark(spark, lake)
    [file, *_] = files(lake).values()
    with pytest.raises(SparkRefused, match="NotVerified: The compacted files do not have the events of 2026-08-"):
        by_spark(spark, lake, lost=[str(file)])


def test_an_event_without_an_account_is_refused_with_its_file(spark: SparkWorker, tmp_path: Path) -> None:
    rows = made_up(6, 20, 5, 100)
    write(tmp_path, rows)
    write(tmp_path, [rows[50] | {"account_id": None}], file_name="bad")
    with pytest.raises(
        SparkRefused, match=r"FileDamaged: .*/bad\.parquet is not a valid .* has no account_id"
    ) as refused:
        by_spark(spark, tmp_path)
    for text in ("has no account_id", f"dt={rows[50]['dt']}", repr(rows[50]["event_id"]), "lake backfill --all"):
        assert text in str(refused.value)
    assert not files(tmp_path)


def test_a_file_with_other_types_is_refused_before_anything_is_written(spark: SparkWorker, lake: Path) -> None:
    path = min(lake.glob("events/dt=2026-08-04/*/part-0.parquet"))
    read = pq.ParquetFile(path).read()
    at = read.column_names.index("balance")
    pq.write_table(read.set_column(at, "balance", read["balance"].cast(pa.float64())), path)
    with pytest.raises(SparkRefused, match="its column balance is DOUBLE, not"):
        by_spark(spark, lake)
    put(path, b"not Parquet")
    with pytest.raises(SparkRefused, match=f"FileDamaged: {path} is not a valid file"):
        by_spark(spark, lake)
    assert not files(lake)
