"""At every step of a compaction, and after a crash at every step, a query returns every event once."""

import shutil
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from consumers.lake import table
from ops.lake.compact.compaction import KEPT, ConcurrentCompaction
from ops.lake.query.account_months import NotVerified
from ops.lake.query.history_store import ManifestContended
from ops.lake.query.manifest import KEY, BadManifest, Manifest
from tests.support.compacted_lake import CompactedLake, at
from tests.support.lake import LakeRow, made_up

DAYS = {"2026-08-01", "2026-08-02", "2026-08-31", "2026-09-01", "2026-09-15"}
ROWS = [row for row in made_up(5, 3, 61, 130) if row["dt"] in DAYS]
NOW = at("2026-10-20")


class Crash(Exception):
    """The process is killed."""


@pytest.fixture
def lake(tmp_path: Path) -> CompactedLake:
    return CompactedLake(tmp_path, ROWS[1:], NOW)


def late(day_of: LakeRow = ROWS[0]) -> list[LakeRow]:
    """The event that the lake lacks: it is of a day that is compacted."""
    return [day_of]


def files(lake: CompactedLake) -> set[str]:
    """The names of the compactions in the bucket."""
    return {path.stem for path in (lake.root / table.MONTHS_PREFIX).rglob("*.parquet")}


def crash_at(lake: CompactedLake, step: int) -> None:
    """Let the process be killed before its write with this number, from 0."""
    steps = count()

    def before(_operation: str, _key: str) -> None:
        if next(steps) == step:
            raise Crash

    lake.bucket.before = before


def test_a_compacted_lake_has_every_event_once(lake: CompactedLake) -> None:
    assert list(lake.compact()) == ["2026-08", "2026-09"]
    lake.assert_exact()
    [[compacted]] = lake.selected("SELECT count(*) FROM account_months")
    assert compacted == len(ROWS) - 1


def test_a_compacted_lake_is_not_compacted_again(lake: CompactedLake) -> None:
    lake.compact()
    assert lake.compact() == {}


def test_a_months_closed_days_are_compacted_before_its_end(lake: CompactedLake) -> None:
    for now, through in (("2026-09-03", "2026-09-01"), ("2026-09-18", "2026-09-16"), ("2026-10-05", "2026-09-30")):
        lake.now = at(now)
        assert "2026-09" in lake.compact()
        assert {month: each[0] for month, each in lake.store.history().months.items()} == {
            "2026-08": "2026-08-31",
            "2026-09": through,
        }
        lake.assert_exact()


def test_a_days_events_are_compacted_a_day_after_their_delivery(lake: CompactedLake) -> None:
    for now, through in (("2026-10-15T23:59:59", "2026-10-13"), ("2026-10-16", "2026-10-14")):
        lake.now = at(now)
        assert lake.compaction().closed_through() == through
        assert lake.compaction(timedelta(hours=1)).closed_through() == "2026-10-13"


def test_queries_are_exact_at_every_step_of_an_exchange(lake: CompactedLake) -> None:
    """Queries begin at every step and run on. Every step takes an hour."""
    steps: list[str] = []

    def before(operation: str, _key: str) -> None:
        steps.append(operation)
        lake.begin_queries()
        lake.assert_exact()
        lake.now += timedelta(hours=1)

    lake.bucket.before = before
    lake.compact()
    lake.bucket.before = lambda _operation, _key: None
    lake.add_late(late())
    lake.bucket.before = before
    assert "2026-08" in lake.compact()
    lake.assert_exact()
    assert "view" in steps
    assert "delete" not in steps
    lake.now += KEPT
    lake.compact()
    assert "delete" in steps
    lake.assert_exact()
    assert files(lake) == {each.compaction for each in lake.store.read()[0].months.values()}


@pytest.mark.parametrize("step", range(7))
def test_a_crash_at_any_step_loses_and_repeats_no_event(lake: CompactedLake, step: int) -> None:
    lake.now -= timedelta(days=1)
    lake.compact()
    lake.add_late(late())
    lake.now += timedelta(days=1)
    lake.begin_queries()
    crash_at(lake, step)
    try:
        lake.compact()
        crashed = False
    except Crash:
        crashed = True
    assert crashed is (step < 6), "correct the range of steps"
    lake.bucket.before = lambda _operation, _key: None
    lake.assert_exact()
    lake.now += KEPT + timedelta(hours=1)
    lake.begin_queries()  # on the view that the killed command may not have created again
    lake.compact()
    lake.assert_exact()
    lake.now += KEPT
    lake.compact()
    lake.assert_exact()
    assert files(lake) == {each.compaction for each in lake.store.read()[0].months.values()}


@pytest.mark.parametrize("step", range(9))
def test_events_that_arrive_during_an_exchange_are_not_missed(lake: CompactedLake, step: int) -> None:
    """A backfill runs from its first to its last step before one step of a compaction."""
    steps, written = count(), late()

    def before(_operation: str, _key: str) -> None:
        if next(steps) == step:
            lake.bucket.before = lambda _operation, _key: None
            lake.add_late(written)
            written.clear()
            lake.assert_exact()

    lake.bucket.before = before
    lake.compact()
    assert written == [], "correct the range of steps"
    lake.bucket.before = lambda _operation, _key: None
    lake.assert_exact()
    assert lake.compact().keys() <= {"2026-08"}
    lake.assert_exact()


def test_a_delivery_to_a_compacted_day_reopens_the_day(lake: CompactedLake) -> None:
    """A command sees the event at once, the view in Athena when it is created again."""
    lake.compact()
    lake.add(late())
    assert lake.store.history().reopened == {ROWS[0]["dt"]}
    lake.publish()
    lake.assert_exact()
    assert list(lake.compact()) == ["2026-08"]
    assert lake.store.history().reopened == set()
    lake.assert_exact()


def test_a_command_reopens_a_day_before_it_writes(lake: CompactedLake) -> None:
    lake.compact()
    with lake.reopening() as reopen:
        reopen({ROWS[0]["dt"]})
        lake.add(late())
        lake.assert_exact()
        lake.compact()
        lake.assert_exact()
        assert lake.store.history().reopened == {ROWS[0]["dt"]}, "the command may write another file"
    assert lake.store.history().reopened == set()
    lake.assert_exact()


def test_the_mark_of_a_killed_command_ends_after_a_day(lake: CompactedLake) -> None:
    lake.compact()
    lake.reopening()({"2026-08-05"})
    for hours, expected in ((0, {"2026-08-05"}), (24, {"2026-08-05"}), (1, set())):
        lake.now += timedelta(hours=hours)
        lake.compact()
        assert lake.store.history().reopened == expected
        lake.assert_exact()


def test_the_mark_of_a_command_that_runs_for_days_does_not_end(lake: CompactedLake) -> None:
    lake.compact()
    with lake.reopening() as reopen:
        for _ in range(3):
            reopen({"2026-08-05"})
            lake.now += timedelta(hours=20)
        lake.compact()
        assert lake.store.history().reopened == {"2026-08-05"}
    assert lake.store.history().reopened == set()


def test_a_repaired_row_replaces_the_compacted_one(lake: CompactedLake) -> None:
    """Someone moves a wrong file out of events/, and a backfill writes its events again."""
    lake.compact()
    lake.begin_queries()
    dt = ROWS[1]["dt"]
    shutil.rmtree(lake.root / "events" / f"dt={dt}")
    lake.running.clear()
    lake.add_late([row | {"request_id": "repaired"} for row in ROWS[1:] if row["dt"] == dt])
    lake.assert_exact()
    lake.compact()
    lake.assert_exact()


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_lost_or_changed_compacted_file_is_not_read(lake: CompactedLake, *, is_lost: bool) -> None:
    lake.compact()
    current = lake.store.history().months["2026-08"][1]
    [file, other, *_] = sorted((lake.root / table.MONTHS_PREFIX).rglob(f"{current}.parquet"))
    if is_lost:
        file.unlink()
    else:
        shutil.copy(other, file)
    assert "2026-08" not in lake.store.history().months
    lake.publish()
    lake.assert_exact()
    assert list(lake.compact()) == ["2026-08"]
    lake.assert_exact()


def test_files_that_do_not_have_the_months_events_are_not_published(
    lake: CompactedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.compact()
    lake.add_late(late())
    upload, first = lake.bucket.upload_file, lake.root / "first.parquet"

    def upload_the_first_again(file: str, _bucket: str, key: str) -> None:
        if not first.exists():
            shutil.copy(file, first)
        upload(str(first), _bucket, key)

    monkeypatch.setattr(lake.bucket, "upload_file", upload_the_first_again)
    with pytest.raises(NotVerified, match="do not have the events of 2026-08"):
        lake.compact()
    lake.assert_exact()


def test_a_month_that_another_command_has_compacted_is_refused(lake: CompactedLake) -> None:
    lake.compact()
    lake.add_late(late())
    other = iter([lake.compact])

    def before(_operation: str, key: str) -> None:
        if key == KEY and (act := next(other, None)) is not None:
            act()

    lake.bucket.before = before
    with pytest.raises(ConcurrentCompaction, match="Another command has compacted 2026-08"):
        lake.compact()
    lake.assert_exact()


def test_files_that_the_view_still_reads_are_kept(lake: CompactedLake) -> None:
    """Before a compaction cleans up, another one replaces its files, and is killed before it creates the view again."""
    lake.compact()
    lake.add_late(late())
    steps: list[str] = []

    def killed_at_the_view(operation: str, _key: str) -> None:
        if operation == "view":
            raise Crash

    def before(operation: str, key: str) -> None:
        if key == KEY and "view" in steps:
            lake.bucket.before = lambda _operation, _key: None
            lake.add_late([ROWS[1] | {"published_at": "2026-09-30 00:00:00.000000"}])
            lake.bucket.before = killed_at_the_view
            with pytest.raises(Crash):
                lake.compact()
            steps.clear()
            lake.bucket.before = lambda _operation, _key: None
        steps.append(operation)

    lake.bucket.before = before
    lake.compact()
    assert "view" not in steps, "otherwise the other command has not run"
    lake.now += KEPT + timedelta(hours=1)
    lake.begin_queries()
    lake.compact()
    lake.assert_exact()
    lake.now += KEPT
    lake.compact()
    assert files(lake) == {each.compaction for each in lake.store.read()[0].months.values()}


def test_a_manifest_that_never_stops_changing_is_reported(lake: CompactedLake) -> None:
    numbers = count()

    def before(_operation: str, key: str) -> None:
        (lake.root / key).parent.mkdir(parents=True, exist_ok=True)
        (lake.root / key).write_bytes(Manifest().to_json() + b" " * next(numbers))

    lake.bucket.before = before
    with pytest.raises(ManifestContended, match="run the command again"):
        lake.reopening()({"2026-08-05"})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is damaged"),
        (b"[]", "is damaged"),
        (b'{"format": 1, "months": {"2026-08": {}}, "replaced": {}, "reopened": {}, "revision": 1}', "is damaged"),
        (b'{"format": 1, "months": {}, "replaced": {}, "reopened": {}}', "is damaged"),
        (b'{"format": 2}', "has the format 2"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_by_name(lake: CompactedLake, body: bytes, why: str) -> None:
    (lake.root / KEY).parent.mkdir()
    (lake.root / KEY).write_bytes(body)
    with pytest.raises(BadManifest, match=f"{KEY}.* {why}"):
        lake.store.history()


def test_a_manifest_is_read_as_it_was_written(lake: CompactedLake) -> None:
    lake.compact()
    lake.add_late(late())
    lake.compact()
    lake.reopening()({"2026-08-05"})
    manifest, _ = lake.store.read()
    assert manifest.months
    assert manifest.replaced
    assert manifest.reopened
    assert Manifest.from_json(manifest.to_json()) == manifest
