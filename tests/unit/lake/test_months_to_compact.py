"""Which months are compacted: a named one always. One that fails stays as it was; those before it are published."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.lake import table
from ops.lake.query.account_months import NotVerified
from tests.support.compacted_lake import CompactedLake, at
from tests.unit.lake.test_compaction import NOW, ROWS


@pytest.fixture
def lake(tmp_path: Path) -> CompactedLake:
    return CompactedLake(tmp_path, ROWS[1:], NOW)


def test_months_before_one_that_fails_are_published(lake: CompactedLake) -> None:
    def write(month: str, days: Sequence[str], name: str) -> int:
        if month == "2026-09":
            raise NotVerified("Nothing of 2026-09 has changed.")
        return work.write(month, days, name)

    work = lake.compaction()
    with pytest.raises(NotVerified):
        list(replace(work, write=write).run(work.outdated()))
    assert lake.view == lake.store.history().view()
    assert list(lake.store.history().months) == ["2026-08"]
    lake.assert_exact()


def test_a_month_whose_new_files_are_lost_is_written_again(lake: CompactedLake) -> None:
    def write(month: str, days: Sequence[str], name: str) -> int:
        events = work.write(month, days, name)
        for path in lake.root.rglob(f"{name}.parquet"):
            path.unlink()
        return events

    lake.compact()
    work = lake.compaction()
    list(replace(work, write=write).run(["2026-08"]))
    lake.assert_exact()
    assert lake.compaction().outdated() == ["2026-08"]
    lake.compact()
    lake.assert_exact()
    assert lake.compaction().outdated() == []


def test_a_month_is_written_again_if_it_is_named(lake: CompactedLake) -> None:
    lake.compact()
    lake.change_month("2026-08", table.bucket_of(ROWS[1]["account_id"]), lambda rows: rows[:-1])
    assert list(lake.compaction().run(["2026-08"])) == [
        ("2026-08", sum(row["dt"].startswith("2026-08") for row in ROWS[1:]))
    ]
    lake.assert_exact()


def test_only_months_with_closed_days_can_be_compacted(lake: CompactedLake) -> None:
    lake.now = at("2026-09-03")
    lake.compact()
    assert [month for month in ("2026-07", "2026-08", "2026-09", "2026-10") if lake.compaction().has(month)] == [
        "2026-08",
        "2026-09",
    ]
    shutil.rmtree(lake.root / "events")
    assert lake.compaction().has("2026-08"), "its rows are to be removed"
