"""The daily totals: their sums, and that a day is summed up again only if its files have changed."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.lake import table
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Answer, QueryFailed
from ops.lake.query.totals import SQL, OutOfTime, Totals, totals_key
from tests.support.lake import LakeRow, made_up, put, write

COLUMNS = ", ".join(name for name, _ in table.TOTALS_COLUMNS if name != "made_of")


class Folder:
    """A folder with the parts of S3's API that the totals use. An ETag is the hash of the contents."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get_paginator(self, _name: str) -> "Folder":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: ARG002, N803 -- as botocore's
        files = [path for path in sorted((self.root / Prefix).rglob("*")) if path.is_file()]
        for start in range(0, len(files), 7):
            page = files[start : start + 7]
            yield {
                "Contents": [{"Key": str(f.relative_to(self.root)), "ETag": str(hash(f.read_bytes()))} for f in page]
            }
        yield {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803 -- as botocore's
        return {"Body": BytesIO((self.root / Key).read_bytes())}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: ARG002, N803 -- as botocore's
        put(self.root / Key, Body)


@pytest.fixture
def bucket(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def totals(bucket: Folder, engine: Callable[[str], Any] | None = None) -> Totals:
    s3: Any = bucket
    shared = cache(lambda: DuckDBEngine(str(bucket.root)))
    return Totals(s3, "lake", engine or (lambda _day: shared()))


def expected(rows: Sequence[LakeRow]) -> set[tuple[Any, ...]]:
    """The totals of rows without copies, computed in plain Python."""
    found = set()
    for dt, currency in {(row["dt"], row["currency"]) for row in rows}:
        selected = [row for row in rows if (row["dt"], row["currency"]) == (dt, currency)]
        of = {
            name: [row for row in selected if row["event_type"] == name]
            for name in {row["event_type"] for row in selected}
        }
        credits_, withdrawals = of.get("BalanceCredited", []), of.get("BalanceWithdrawn", [])
        found.add(
            (
                dt,
                currency,
                len(of.get("AccountCreated", [])),
                len(credits_),
                sum((Decimal(row["amount"]) for row in credits_), Decimal("0.00")),
                len(withdrawals),
                sum((Decimal(row["amount"]) for row in withdrawals), Decimal("0.00")),
                len(selected),
                len({row["account_id"] for row in selected}),
            )
        )
    return found


def found(bucket: Folder) -> set[tuple[Any, ...]]:
    return set(DuckDBEngine(str(bucket.root)).query(f"SELECT {COLUMNS} FROM daily_totals").rows)  # noqa: S608 -- our own names


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_day_is_summed_up_with_each_event_once(bucket: Folder, seed: int) -> None:
    rows = made_up(seed, 20, 5, 300)
    write(bucket.root, rows)
    write(bucket.root, rows[:100], file_name="repeated")
    days: list[str] = []
    assert totals(bucket).refresh(days.append) == 5
    assert days == sorted({row["dt"] for row in rows})
    assert found(bucket) == expected(rows)
    assert totals(bucket).refresh() == 0


def test_a_late_event_changes_only_its_own_day(bucket: Folder) -> None:
    rows = made_up(4, 20, 5, 300)
    late = next(row for row in rows if row["dt"] == "2026-08-02")
    write(bucket.root, [row for row in rows if row is not late])
    totals(bucket).refresh()
    write(bucket.root, [late], file_name="late")
    days: list[str] = []
    assert totals(bucket).refresh(days.append) == 1
    assert days == ["2026-08-02"]
    assert found(bucket) == expected(rows)


def test_a_file_that_arrives_during_an_update_counts_in_the_next(bucket: Folder) -> None:
    rows = made_up(5, 5, 1, 40)
    write(bucket.root, rows[:-1])

    class Slow(DuckDBEngine):
        def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
            answer = super().query(sql, parameters)
            write(bucket.root, rows[-1:], file_name="meanwhile")
            return answer

    assert totals(bucket, lambda _day: Slow(str(bucket.root))).refresh() == 1
    assert found(bucket) != expected(rows)
    assert totals(bucket).refresh() == 1
    assert found(bucket) == expected(rows)


def test_each_month_has_one_object_and_a_change_rewrites_only_that(bucket: Folder) -> None:
    rows = made_up(6, 20, 70, 700)
    late = next(row for row in rows if row["dt"] == "2026-09-15")
    write(bucket.root, [row for row in rows if row is not late])
    totals(bucket).refresh()
    objects = {
        path.relative_to(bucket.root).as_posix(): path for path in (bucket.root / "daily_totals").rglob("*.parquet")
    }
    assert sorted(objects) == [f"daily_totals/month=2026-{month}/totals.parquet" for month in ("08", "09", "10")]
    before = {name: path.read_bytes() for name, path in objects.items()}
    write(bucket.root, [late], file_name="late")
    assert totals(bucket).refresh() == 1
    assert [name for name, path in objects.items() if path.read_bytes() != before[name]] == [
        "daily_totals/month=2026-09/totals.parquet"
    ]
    assert found(bucket) == expected(rows)


def test_a_removed_day_has_no_totals(bucket: Folder) -> None:
    rows = made_up(7, 5, 3, 60)
    write(bucket.root, rows)
    totals(bucket).refresh()
    shutil.rmtree(bucket.root / "events" / "dt=2026-08-02")
    assert totals(bucket).refresh() == 1
    assert found(bucket) == expected([row for row in rows if row["dt"] != "2026-08-02"])


def test_an_empty_lake_has_no_totals(bucket: Folder) -> None:
    assert totals(bucket).refresh() == 0
    assert found(bucket) == set()


@pytest.mark.parametrize("body", [b"", b"PAR1 and no more"])
def test_damaged_totals_are_rewritten(bucket: Folder, body: bytes) -> None:
    rows = made_up(8, 20, 40, 300)
    write(bucket.root, rows)
    totals(bucket).refresh()
    damaged = bucket.root / "daily_totals" / "month=2026-08" / "totals.parquet"
    damaged.write_bytes(body)
    assert totals(bucket).refresh() == len({row["dt"] for row in rows if row["dt"] < "2026-09"})
    assert found(bucket) == expected(rows)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.rename_columns([name.upper() for name in rows.column_names]),
        lambda rows: rows.drop_columns("made_of"),
        lambda rows: rows.set_column(0, "dt", pa.nulls(len(rows), pa.string())),
        lambda rows: rows.set_column(2, "opened", pa.array(["1"] * len(rows))),
    ],
)
def test_totals_with_other_columns_are_rewritten(bucket: Folder, change: Any) -> None:  # noqa: ANN401 -- Arrow's
    rows = made_up(8, 20, 40, 300)
    write(bucket.root, rows)
    totals(bucket).refresh()
    path = bucket.root / "daily_totals/month=2026-08/totals.parquet"
    pq.write_table(change(pq.ParquetFile(path).read()), path)
    assert totals(bucket).refresh() == len({row["dt"] for row in rows if row["dt"] < "2026-09"})
    assert found(bucket) == expected(rows)


def test_totals_with_a_damaged_page_are_rewritten(bucket: Folder) -> None:
    rows = made_up(8, 20, 40, 300)
    write(bucket.root, rows)
    totals(bucket).refresh()
    path = bucket.root / "daily_totals/month=2026-08/totals.parquet"
    body = path.read_bytes()
    path.write_bytes(body[:8] + b"\xff" * 400 + body[408:])
    assert totals(bucket).refresh() == len({row["dt"] for row in rows if row["dt"] < "2026-09"})
    assert found(bucket) == expected(rows)


@pytest.mark.parametrize(
    "key", ["daily_totals/month=2026-08/", "daily_totals/notes.txt", "daily_totals/month=2026-08/_a"]
)
def test_files_of_other_tables_are_left_alone(key: str) -> None:
    """For example a folder's marker, or a file that is not ours."""
    kept = {key: b"mine"}

    class Bucket:
        @staticmethod
        def get_paginator(_name: str) -> Any:  # noqa: ANN401 -- botocore's
            return Bucket

        @staticmethod
        def paginate(**call: str) -> list[Any]:
            return [{"Contents": [{"Key": each, "ETag": "1"} for each in kept if each.startswith(call["Prefix"])]}]

    bucket: Any = Bucket
    assert Totals(bucket, "lake", lambda _day: pytest.fail("there is nothing to query")).refresh() == 0


def test_days_before_the_tables_first_day_are_ignored(bucket: Folder) -> None:
    rows = made_up(8, 5, 3, 60)
    write(bucket.root, rows)
    s3: Any = bucket
    late = Totals(s3, "lake", lambda _day: DuckDBEngine(str(bucket.root), first_day="2026-08-02"), "2026-08-02")
    assert late.refresh() == 2
    assert late.refresh() == 0
    assert found(bucket) == expected([row for row in rows if row["dt"] >= "2026-08-02"])


def test_totals_of_another_statement_are_rewritten(bucket: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    write(bucket.root, made_up(9, 5, 1, 20))
    totals(bucket).refresh()
    monkeypatch.setattr("ops.lake.query.totals.SQL", f"{SQL} -- another release's")
    assert totals(bucket).refresh() == 1


def test_missing_write_access_is_reported_after_one_day(bucket: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further day would cost a query."""
    write(bucket.root, made_up(seed=1, accounts=5, days=4, events=100))
    days: list[str] = []

    def denied(**_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(bucket, "put_object", denied)
    with pytest.raises(PermissionError):
        totals(bucket).refresh(days.append)
    assert days == ["2026-08-01"]


def test_a_stray_file_does_not_add_a_day(bucket: Folder) -> None:
    write(bucket.root, made_up(seed=1, accounts=5, days=1, events=10))
    for key in ("events/stray.parquet", "events/dt=2026-11-31/event_type=BalanceCredited/x.parquet"):
        bucket.put_object(Bucket="lake", Key=key, Body=b"nothing")
    assert totals(bucket).refresh() == 1
    assert totals(bucket).refresh() == 0


@pytest.mark.parametrize("column", ["dt", "currency", "made_of"])
def test_a_month_with_invalid_utf8_is_rewritten(bucket: Folder, column: str) -> None:
    write(bucket.root, made_up(seed=1, accounts=10, days=2, events=100))
    totals(bucket).refresh()
    path = bucket.root / totals_key("2026-08")
    rows = pq.read_table(BytesIO(path.read_bytes()))
    as_bytes = pa.array([b"\xff\xfe"] * len(rows))
    invalid = pa.StringArray.from_buffers(len(rows), as_bytes.buffers()[1], as_bytes.buffers()[2])
    pq.write_table(rows.set_column(rows.column_names.index(column), column, invalid).cast(rows.schema), path)
    assert totals(bucket).refresh() == 2
    assert len(found(bucket)) >= 2


def test_a_refresh_without_time_keeps_its_days_and_the_next_continues(bucket: Folder) -> None:
    rows = made_up(1, 20, 40, 400)
    write(bucket.root, rows)
    days: list[str] = []
    with pytest.raises(OutOfTime) as stopped:
        totals(bucket).refresh(days.append, has_time=lambda: len(days) < 35)
    assert (stopped.value.updated, stopped.value.left) == (35, 5)
    assert {row[0] for row in found(bucket)} == set(days)
    assert totals(bucket).refresh() == 5
    assert found(bucket) == expected(rows)


def test_an_interruption_keeps_the_days_that_are_done(bucket: Folder) -> None:
    write(bucket.root, made_up(1, 20, 5, 200))

    def interrupted(day: str) -> DuckDBEngine:
        if day == "2026-08-03":
            raise KeyboardInterrupt
        return DuckDBEngine(str(bucket.root))

    with pytest.raises(KeyboardInterrupt):
        totals(bucket, interrupted).refresh()
    assert {row[0] for row in found(bucket)} == {"2026-08-01", "2026-08-02"}


def failing_on(bucket: Folder, day: str) -> Callable[[str], DuckDBEngine]:
    def engine(wanted: str) -> DuckDBEngine:
        if wanted == day:
            raise QueryFailed("too large")
        return DuckDBEngine(str(bucket.root))

    return engine


def test_a_failed_day_keeps_its_old_totals_and_stops_no_other(bucket: Folder) -> None:
    rows = made_up(2, 20, 5, 300)
    late = [row for row in rows if row["dt"] >= "2026-08-03"][::10]
    before = [row for row in rows if row not in late]
    write(bucket.root, before)
    totals(bucket).refresh()
    write(bucket.root, late, file_name="late")
    failures: list[tuple[str, str]] = []
    engine = failing_on(bucket, "2026-08-03")
    updated = totals(bucket, engine).refresh(on_failure=lambda day, error: failures.append((day, str(error))))
    assert (updated, failures) == (2, [("2026-08-03", "too large")])
    assert found(bucket) == {
        *(row for row in expected(before) if row[0] <= "2026-08-03"),
        *(row for row in expected(rows) if row[0] > "2026-08-03"),
    }
    assert totals(bucket).refresh() == 1
    assert found(bucket) == expected(rows)


def test_by_default_the_first_failed_day_ends_the_refresh(bucket: Folder) -> None:
    """Where each query costs money, the same cause would fail all of them."""
    write(bucket.root, made_up(2, 20, 5, 300))
    days: list[str] = []
    with pytest.raises(QueryFailed, match="too large"):
        totals(bucket, failing_on(bucket, "2026-08-02")).refresh(days.append)
    assert days == ["2026-08-01", "2026-08-02"]
