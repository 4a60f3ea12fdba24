"""An engine of `lake compact` refuses what it cannot do before it writes: no space, an event without an account."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.lake.compact import writers
from ops.lake.compact.writers import SPACE, MonthTooLarge, with_duckdb, with_glue, with_spark
from ops.lake.query.engine import FileDamaged
from ops.lake.query.files import LakeFiles
from ops.lake.spark.local_job import SparkMissing
from tests.support.compacted_lake import CompactedLake, at
from tests.support.lake import made_up, write

SIZE = 1_000_000_000


class Listing:
    """A bucket whose month has two files, and another month with more."""

    def get_paginator(self, name: str) -> "Listing":
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 -- as boto3's
        assert Bucket == "lake"
        sizes = {
            "events/dt=2026-08-01/a": SIZE // 2,
            "events/dt=2026-08-31/b": SIZE // 2,
            "events/dt=2026-09-01/c": SIZE,
        }
        found = [{"Key": key, "ETag": "", "Size": size} for key, size in sizes.items() if key.startswith(Prefix)]
        return [{"Contents": found[:1]}, {"Contents": found[1:]}, {}]


def lake() -> Any:  # noqa: ANN401 -- as far as the writers use it
    def duckdb(_day: str) -> None:
        raise EOFError("not refused")

    return SimpleNamespace(s3=Listing(), bucket="lake", duckdb=duckdb, is_local=True)


def free(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    usage = SimpleNamespace(free=int(size))
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)


def test_a_month_that_does_not_fit_is_refused_with_the_other_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, SIZE * SPACE["local"] - 1)
    with pytest.raises(MonthTooLarge) as refused:
        with_duckdb(lake(), lambda _key: None)("2026-08", ["2026-08-01"], "name")
    for text in (
        "2026-08 has 1.0 GB of files. The engine local needs about 2.0 GB",
        "2.0 GB free. Set TMPDIR",
        "--engine aws, which needs no space on this machine",
        "--engine spark needs about 4.0 GB",
    ):
        assert text in str(refused.value)


def test_a_month_that_fits_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, SIZE * SPACE["local"])
    with pytest.raises(EOFError):
        with_duckdb(lake(), lambda _key: None)("2026-08", ["2026-08-01"], "name")


def test_spark_refuses_a_month_that_does_not_fit_before_it_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object) -> None:
        raise AssertionError("nothing is downloaded")

    free(monkeypatch, SIZE * SPACE["spark"] - 1)
    monkeypatch.setattr(writers, "refuse_without_spark", lambda: None)
    monkeypatch.setattr(writers, "download", download)
    with pytest.raises(MonthTooLarge, match=r"The engine spark needs about 4\.0 GB .* --engine local needs about 2\.0"):
        with_spark(lake(), lambda _step: None)("2026-08", ["2026-08-01"], "name")


def test_an_engine_that_is_missing_is_refused_before_a_month_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise SparkMissing("none")

    monkeypatch.setattr(writers, "refuse_without_spark", refuse)
    with pytest.raises(SparkMissing):
        with_spark(lake(), lambda _step: None)
    with pytest.raises(Exception, match="no Glue job"):
        with_glue(lake(), lambda _step: None)


def test_an_event_without_an_account_is_refused_with_its_day_and_file(tmp_path: Path) -> None:
    rows = made_up(5, 20, 20, 100)
    compacted = CompactedLake(tmp_path, rows, at("2026-10-20"))
    write(tmp_path, [rows[70] | {"account_id": None}], file_name="bad")
    with pytest.raises(FileDamaged) as refused:
        compacted.compact()
    for text in (
        f"events/dt={rows[70]['dt']}/event_type={rows[70]['event_type']}/bad.parquet is not a valid file",
        f"its event {rows[70]['event_id']!r} of {rows[70]['dt']} has no account_id",
        "Move it out of events/, then run `account-events lake backfill --all`",
    ):
        assert text in str(refused.value)
    compacted.assert_exact()


def test_the_files_of_some_days_are_those_of_the_table() -> None:
    names = ["dt=2026-08-01/event_type=BalanceCredited/a.parquet", "dt=2026-08-02/event_type=BalanceCredited/b.parquet"]
    files = LakeFiles(
        (f"events/{name}", "") for name in (*names, "dt=2026-08-01/event_type=BalanceCredited/_c.parquet")
    )
    assert files.keys_of(["2026-08-01", "2026-08-05"]) == [f"events/{names[0]}"]
    assert files.keys_of([]) == []
