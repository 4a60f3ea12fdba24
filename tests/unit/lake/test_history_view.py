"""The function replaces the view's text when compacted days change, at any moment of what other commands do."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ops.lake.compact.compaction import KEPT
from ops.lake.query.history import History
from ops.lake.query.history_store import ManifestContended
from ops.lake.query.history_view import HistoryView, OtherView, StoredView
from ops.lake.query.manifest import KEY, BadManifest
from tests.support.compacted_lake import CompactedLake
from tests.support.glue_view import DATABASE, FakeGlue, formatted, stored_view
from tests.unit.lake.test_compaction import NOW, ROWS, Crash, crash_at, files
from tests.unit.lake.test_history import COMPACTED


class Catalogued:
    """A lake whose view is in a Glue catalog. `step` is called before every call of the function's run."""

    def __init__(self, root: Path) -> None:
        self.lake = CompactedLake(root, ROWS[1:], NOW)
        self.glue = FakeGlue(self.lake)
        self.step: Callable[[str], object] = lambda _call: None

    def refresh(self) -> bool:
        """What the function does every hour."""
        s3 = self.lake.bucket

        class Bucket:
            """The bucket, as the function calls it."""

            exceptions = s3.exceptions

            def __getattr__(_, name: str) -> Any:  # noqa: ANN401, N805 -- the lake is `self`
                self.step(name)
                return getattr(s3, name)

        self.glue.before = self.step
        store = self.lake.store
        store._s3 = Bucket()  # type: ignore[assignment]  # noqa: SLF001 -- the lake's other commands use their own
        glue: Any = self.glue
        return store.refresh(HistoryView(glue, DATABASE))


@pytest.fixture
def catalogued(tmp_path: Path) -> Catalogued:
    return Catalogued(tmp_path)


def test_a_late_delivery_is_in_the_view_after_the_next_run(catalogued: Catalogued) -> None:
    lake = catalogued.lake
    lake.compact()
    lake.add([ROWS[0]])
    with pytest.raises(AssertionError):
        lake.assert_exact()
    assert catalogued.refresh()
    lake.assert_exact()
    assert "account_months" in lake.view, "all other days are still read from there"
    assert not catalogued.refresh()
    assert len(catalogued.glue.updates) == 1


def test_only_the_text_of_the_view_is_replaced(catalogued: Catalogued) -> None:
    catalogued.lake.compact()
    before = stored_view(catalogued.lake.view)
    catalogued.lake.add([ROWS[0]])
    catalogued.refresh()
    [after] = catalogued.glue.updates
    assert {name for name in before if before[name] != after[name]} == {"ViewOriginalText"}
    old, new = (StoredView.of({**each, "VersionId": "1"}).definition for each in (before, after))
    assert {name for name in old if old[name] != new[name]} == {"originalSql"}


def test_a_view_that_is_right_is_not_replaced(catalogued: Catalogued) -> None:
    catalogued.lake.compact()
    assert not catalogued.refresh()
    catalogued.lake.add_late([ROWS[0]])
    assert not catalogued.refresh()
    assert catalogued.glue.updates == []


def test_nothing_is_asked_of_glue_without_a_manifest(catalogued: Catalogued) -> None:
    calls: list[str] = []
    catalogued.step = calls.append
    assert not catalogued.refresh()
    assert calls == ["get_paginator"]


def test_without_its_manifest_the_view_reads_all_days_from_events(catalogued: Catalogued) -> None:
    """Whoever deletes a damaged manifest has to compact again. Until then, late events must not be missing."""
    lake = catalogued.lake
    lake.compact()
    (lake.root / KEY).unlink()
    lake.add([ROWS[0]])
    assert catalogued.refresh()
    lake.assert_exact()
    assert "account_months" not in lake.view
    assert not catalogued.refresh()


def test_a_missing_view_is_left_missing(catalogued: Catalogued) -> None:
    catalogued.lake.compact()
    catalogued.glue.is_there = False
    assert not catalogued.refresh()


def test_a_day_that_is_no_longer_late_is_compacted_again(catalogued: Catalogued) -> None:
    """The function writes the view, then a compaction does, then nothing is left to do."""
    lake = catalogued.lake
    lake.compact()
    lake.add([ROWS[0]])
    catalogued.refresh()
    assert list(lake.compact()) == ["2026-08"]
    assert not catalogued.refresh()
    lake.assert_exact()


def test_a_lost_compacted_file_is_not_read_after_the_next_run(catalogued: Catalogued) -> None:
    lake = catalogued.lake
    lake.compact()
    current = lake.store.history().months["2026-08"][1]
    next((lake.root / "account_months").rglob(f"{current}.parquet")).unlink()
    assert catalogued.refresh()
    lake.assert_exact()


@pytest.mark.parametrize("step", range(6))
def test_the_run_repairs_the_view_of_a_killed_compaction(catalogued: Catalogued, step: int) -> None:
    """Also that of a publication that was killed between the manifest and the view."""
    lake = catalogued.lake
    lake.compact()
    lake.add([ROWS[0]])
    crash_at(lake, step)
    with pytest.raises(Crash):
        lake.compact()
    lake.bucket.before = lambda _operation, _key: None
    catalogued.refresh()
    lake.assert_exact()
    assert stored_view(lake.view) == stored_view(lake.store.history().view())
    assert not catalogued.refresh()


OTHERS: dict[str, Callable[[CompactedLake], object]] = {
    "compaction": CompactedLake.compact,
    "backfill": lambda lake: lake.add_late([ROWS[0] | {"published_at": "2026-10-19 00:00:00.000000"}]),
    "mark": lambda lake: lake.reopening("other")({"2026-08-02"}),
}


@pytest.mark.parametrize("step", range(7))
@pytest.mark.parametrize("other", sorted(OTHERS))
def test_another_command_may_run_at_any_step(catalogued: Catalogued, other: str, step: int) -> None:
    """The other command runs from its first to its last step before one step of the function's run."""
    lake, steps, ran = catalogued.lake, count(), []
    lake.compact()
    lake.begin_queries()
    lake.add([ROWS[0]])

    def before(_call: str) -> None:
        if next(steps) == step:
            ran.append(OTHERS[other](lake))
            lake.begin_queries()

    catalogued.step = before
    catalogued.refresh()
    assert len(ran) == 1, "correct the range of steps"
    lake.assert_exact()
    assert stored_view(lake.view) == stored_view(lake.store.history().view())


@pytest.mark.parametrize("step", range(6))
def test_a_killed_run_never_goes_back_to_replaced_files(catalogued: Catalogued, step: int) -> None:
    """A compaction runs before a step, and the function is killed as soon as it has replaced the view."""
    lake, steps = catalogued.lake, count()
    lake.compact()
    lake.add([ROWS[0]])

    def before(_call: str) -> None:
        if next(steps) == step:
            lake.compact()
            lake.add([ROWS[1] | {"published_at": "2026-10-19 00:00:00.000000"}])
        if catalogued.glue.updates:
            raise Crash

    catalogued.step = before
    with pytest.raises(Crash):
        catalogued.refresh()
    assert next(steps) > step, "correct the range of steps"
    current = {each.compaction for each in lake.store.read()[0].months.values()}
    assert all(name in current or f"'{name}'" not in lake.view for name in files(lake))
    catalogued.step = lambda _call: None
    lake.now += KEPT
    lake.compact()
    lake.assert_exact()


@pytest.mark.parametrize("step", range(6))
def test_the_run_may_happen_at_any_step_of_a_compaction(catalogued: Catalogued, step: int) -> None:
    lake, steps, ran = catalogued.lake, count(), []
    lake.compact()
    lake.add([ROWS[0]])

    def before(_operation: str, _key: str) -> None:
        if next(steps) == step:
            ran.append(catalogued.refresh())
            lake.assert_exact()

    lake.bucket.before = before
    lake.compact()
    assert len(ran) == 1, "correct the range of steps"
    lake.bucket.before = lambda _operation, _key: None
    lake.assert_exact()
    assert not catalogued.refresh()


def test_a_view_that_never_stops_changing_is_reported(catalogued: Catalogued) -> None:
    lake = catalogued.lake
    lake.compact()
    lake.add([ROWS[0]])

    def before(call: str) -> None:
        if call == "update_table":
            lake.view_version += 1

    catalogued.step = before
    with pytest.raises(ManifestContended, match="the next run tries again"):
        catalogued.refresh()


def test_a_damaged_manifest_leaves_the_view_as_it_is(catalogued: Catalogued) -> None:
    catalogued.lake.compact()
    (catalogued.lake.root / KEY).write_bytes(b"{")
    with pytest.raises(BadManifest):
        catalogued.refresh()
    assert catalogued.glue.updates == []


@pytest.mark.parametrize(
    "text", ["", "SELECT 1", "/* Presto View: e30= */", "/* Presto View: e30 */", "/* Presto View: W10= */"]
)
def test_a_view_in_another_form_is_refused_by_name(text: str) -> None:
    with pytest.raises(OtherView, match="not a view in the form in which Athena stores one"):
        StoredView.of({**stored_view(), "VersionId": "1", "ViewOriginalText": text})


def test_a_table_of_the_views_name_is_refused_by_name() -> None:
    with pytest.raises(OtherView, match="not a view in the form in which Athena stores one"):
        StoredView.of({"VersionId": "1"})


def test_a_view_of_another_release_is_not_replaced() -> None:
    view = StoredView.of({**stored_view(), "VersionId": "1"})
    older = {**view.definition, "columns": view.definition["columns"][:-1]}
    with pytest.raises(OtherView, match="lake tables"):
        StoredView(view.select, "1", older, view.table).with_select(COMPACTED.select())


DIFFERENT = [
    History(),
    COMPACTED,
    History(COMPACTED.months),
    History(COMPACTED.months, frozenset({"2026-01-05"})),
    History({**COMPACTED.months, "2026-04": ("2026-04-09", "2026-04-a")}, COMPACTED.reopened),
    History({**COMPACTED.months, "2026-04": ("2026-04-08", "2026-04-b")}, COMPACTED.reopened),
    History({month: each for month, each in COMPACTED.months.items() if month != "2025-12"}, COMPACTED.reopened),
]


@pytest.mark.parametrize("one", range(len(DIFFERENT)))
@pytest.mark.parametrize("other", range(len(DIFFERENT)))
def test_athenas_form_of_a_view_is_recognised(one: int, other: int) -> None:
    select = formatted(DIFFERENT[one].select())
    assert select != DIFFERENT[one].select()
    assert StoredView(select, "1", {}, {}).reads_as(DIFFERENT[other].select()) is (one == other)
