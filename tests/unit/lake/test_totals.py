"""The daily totals: what they sum up to, and that they are made again when, and only when, a day's files have changed."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.lake.duckdb_engine import DuckDBEngine
from ops.lake.engine import Answer
from ops.lake.totals import Totals
from tests.lake import LakeRow, made_up, write


class Folder:
    """A bucket that is a folder, as far as the totals use one. Its ETags are the contents."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata: dict[str, dict[str, str]] = {}

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

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803 -- as botocore's
        return {"Metadata": self.metadata.get(Key, {})}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, Metadata: dict[str, str]) -> None:  # noqa: ARG002, N803 -- as botocore's
        path = self.root / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)
        self.metadata[Key] = Metadata


@pytest.fixture
def bucket(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def totals(bucket: Folder, engine: Callable[[], Any] | None = None) -> Totals:
    s3: Any = bucket
    return Totals(s3, "lake", engine or (lambda: DuckDBEngine(str(bucket.root))))


def due(rows: Sequence[LakeRow]) -> set[tuple[Any, ...]]:
    """By a plain fold, of rows that are all different."""
    found = set()
    for dt, currency in {(row["dt"], row["currency"]) for row in rows}:
        theirs = [row for row in rows if (row["dt"], row["currency"]) == (dt, currency)]
        of = {
            name: [row for row in theirs if row["event_type"] == name] for name in {row["event_type"] for row in theirs}
        }
        credits_, withdrawals = of.get("BalanceCredited", []), of.get("BalanceWithdrawn", [])
        found.add(
            (
                currency,
                len(of.get("AccountCreated", [])),
                len(credits_),
                sum((Decimal(row["amount"]) for row in credits_), Decimal("0.00")),
                len(withdrawals),
                sum((Decimal(row["amount"]) for row in withdrawals), Decimal("0.00")),
                len(theirs),
                len({row["account_id"] for row in theirs}),
                dt,
            )
        )
    return found


def found(bucket: Folder) -> set[tuple[Any, ...]]:
    return set(DuckDBEngine(str(bucket.root)).query("SELECT * FROM daily_totals").rows)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_days_are_summed_up_each_event_once(bucket: Folder, seed: int) -> None:
    rows = made_up(seed, 20, 5, 300)
    write(bucket.root, rows)
    write(bucket.root, rows[:100], file_name="repeated")
    told: list[str] = []
    assert totals(bucket).refresh(told.append) == 5
    assert told == sorted({row["dt"] for row in rows})
    assert found(bucket) == due(rows)
    assert totals(bucket).refresh() == 0


def test_an_event_that_comes_late_changes_its_own_day_only(bucket: Folder) -> None:
    rows = made_up(4, 20, 5, 300)
    late = next(row for row in rows if row["dt"] == "2026-08-02")
    write(bucket.root, [row for row in rows if row is not late])
    totals(bucket).refresh()
    write(bucket.root, [late], file_name="late")
    told: list[str] = []
    assert totals(bucket).refresh(told.append) == 1
    assert told == ["2026-08-02"]
    assert found(bucket) == due(rows)


def test_a_file_that_comes_while_a_day_is_summed_up_is_seen_the_next_time(bucket: Folder) -> None:
    rows = made_up(5, 5, 1, 40)
    write(bucket.root, rows[:-1])

    class Slow(DuckDBEngine):
        def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
            answer = super().query(sql, parameters)
            write(bucket.root, rows[-1:], file_name="meanwhile")
            return answer

    assert totals(bucket, lambda: Slow(str(bucket.root))).refresh() == 1
    assert found(bucket) != due(rows)
    assert totals(bucket).refresh() == 1
    assert found(bucket) == due(rows)


def test_an_empty_lake_has_no_totals(bucket: Folder) -> None:
    assert totals(bucket).refresh() == 0
    assert found(bucket) == set()
