"""An export as a replay reads it: sorted, checked as a whole, and cut off at a gap among its last rows."""

import gzip
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import duckdb
import pytest

from account_core.rows.items import to_item, version_of
from ops.ledger.export.location import Folder, FoundExport
from ops.ledger.export.manifest import INEXACT_S, BadExport
from ops.replay.cursor import NO_VERSION
from ops.replay.engine import NO_ACCOUNT, ReplayResult, new_state, replay
from ops.replay.errors import Interrupted
from ops.replay.export_rows import load_rows
from ops.replay.export_source import ExportSource, export_source
from ops.replay.selection import Accounts, Everything, Selection
from ops.replay.source import Segment
from ops.replay.state import State, from_json, to_json
from projector.outgoing import Outgoing
from projector.parse import NO_ROW
from tests.support.exports import EXPORT_TIME, found, write_files
from tests.support.rows import FIRST_INSTANT, history
from tests.unit.ledger_export.test_manifest import DAMAGED, fullest, with_data, with_entries, with_summary
from tests.unit.replay.sinks import Killed, Kills, MemorySink
from tests.unit.replay.test_engine import of_projector

ALL = Everything()
Items = Iterable[Mapping[str, Any]]
QUIET = EXPORT_TIME
"""A time so late that no row of the histories is near it."""


def items(**events: int) -> list[dict[str, Any]]:
    return [to_item(row) for account_id, number in events.items() for row in history(account_id, number)]


def without(account_id: str, *versions: int, of: Items) -> list[Mapping[str, Any]]:
    keys = {(account_id, str(version)) for version in versions}
    return [item for item in of if (item["AccountId"]["S"], item["Version"]["N"]) not in keys]


class Given:
    """Exports in a folder, replayed into memory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work, self.sink = folder, folder / "work", MemorySink()

    def export(self, rows: Items, *, last_event: int | None = None, seconds: float = 0) -> None:
        """Exports the rows, at a time by which an account's event is so many seconds old."""
        time = QUIET if last_event is None else FIRST_INSTANT + timedelta(seconds=last_event + seconds)
        self.location = write_files(self.folder / "exported", rows, export_time=time)

    def replayed(self, selection: Selection = ALL, segments: int = 3, **options: Any) -> ReplayResult:  # noqa: ANN401
        work = self.work
        work.mkdir()
        account_ids = selection.account_ids if isinstance(selection, Accounts) else None
        try:
            with export_source(found(self.location), work, account_ids=account_ids, page_rows=7) as source:
                return replay(source, selection, self.sink, segments=segments, **options)
        finally:
            for path in sorted(work.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            work.rmdir()

    def of(self, account_id: str) -> list[int]:
        return self.sink.of(account_id)


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


@pytest.mark.parametrize("segments", [1, 4, 64])
def test_every_account_is_replayed_in_order(given: Given, segments: int) -> None:
    given.export(items(a=120, b=1, c=9, d=10, e=30))
    result = given.replayed(segments=segments)
    assert (result.stopped, result.counts.accounts, result.counts.read_units) == ([], 5, 0)
    assert {account_id: given.of(account_id) for account_id in "abcde"} == {
        account_id: list(range(1, events + 1)) for account_id, events in zip("abcde", (120, 1, 9, 10, 30), strict=True)
    }


def test_an_empty_table_has_nothing_to_replay(given: Given) -> None:
    given.export([])
    assert given.replayed().counts.rows == 0


def test_only_the_selected_accounts_are_read(given: Given) -> None:
    given.export(items(a=30, b=12, c=3))
    result = given.replayed(Accounts(("b", "nobody")))
    assert [(each.account_id, each.reason) for each in result.stopped] == [("nobody", NO_ACCOUNT)]
    assert (given.of("a"), given.of("b"), result.counts.rows) == ([], list(range(1, 13)), 13)


def test_a_gap_and_a_poisoned_row_stop_their_accounts(given: Given) -> None:
    rows = without("a", 5, of=items(a=12, b=12, c=12, d=12))
    for item in rows:
        if item["AccountId"]["S"] == "b" and item["Version"]["N"] == "3":
            item["Amount"]["N"] = "a lot"
    rows.append({**items(d=1)[0], "Version": {"N": "2.5"}})
    given.export(rows)
    stopped = {each.account_id: each for each in given.replayed().stopped}
    assert (stopped["a"].version, stopped["a"].reason) == ("5", NO_ROW)
    assert stopped["b"].version == "3"
    assert (stopped["d"].version, stopped["d"].reason) == ("2.5", NO_VERSION)
    assert [len(given.of(account_id)) for account_id in "abcd"] == [4, 2, 12, 2]


@pytest.mark.parametrize("at", range(1, 40, 3))
def test_a_killed_run_continues_with_the_same_export(given: Given, at: int) -> None:
    given.export(items(a=30, b=12, c=25))
    saved: list[str] = []
    kills = Kills([at])

    def save(state: State) -> None:
        kills()
        saved.append(json.dumps(to_json(state, {})))

    try:
        given.replayed(save=save)
    except Killed:
        state = from_json(json.loads(saved[-1]), {}) if saved else new_state(ALL, 3)
        assert given.replayed(state=state).stopped == []
    for account_id, events in {"a": 30, "b": 12, "c": 25}.items():
        assert list(dict.fromkeys(given.of(account_id))) == list(range(1, events + 1))


@pytest.mark.parametrize(
    ("events", "missing", "whole"),
    [
        (9, [9], 8),  # the snapshot without its event
        (9, [10], 9),  # the event without its snapshot
        (12, [10], 12),  # later events without the snapshot between them
        (12, [12], 10),
        (12, [11, 12], 9),
        (1, [1], 0),
        (2, [1], 0),
    ],
)
def test_a_gap_among_the_last_rows_ends_the_account(given: Given, events: int, missing: list[int], whole: int) -> None:
    given.export(without("a", *missing, of=items(a=events, b=1)), last_event=events, seconds=-INEXACT_S / 2)
    result = given.replayed()
    assert result.stopped == []
    assert given.of("a") == list(range(1, whole + 1))


@pytest.mark.parametrize("seconds", [INEXACT_S + 1, 3_600])
def test_a_gap_before_older_rows_is_damage(given: Given, seconds: float) -> None:
    given.export(without("a", 9, of=items(a=9)), last_event=9, seconds=seconds)
    [stopped] = given.replayed().stopped
    assert (stopped.sequence, stopped.reason) == (9, NO_ROW)


def test_a_gap_among_the_last_rows_hides_no_older_one(given: Given) -> None:
    given.export(without("a", 3, 299, of=items(a=272)), last_event=272)
    [stopped] = given.replayed().stopped
    assert (stopped.sequence, stopped.reason) == (3, NO_ROW)


def test_the_number_of_accounts_that_were_cut_off_is_reported(given: Given, tmp_path: Path) -> None:
    given.export(without("a", 8, of=without("b", 8, of=items(a=9, b=9, c=9))), last_event=9)
    with export_source(found(given.location), tmp_path) as source:
        assert source.cut_off == 2


def test_a_checkpoint_after_a_cut_moves_no_page(given: Given, tmp_path: Path) -> None:
    """DuckDB numbers the rows after deleted ones again when it writes a checkpoint, which may be between two pages."""
    given.export(without("a", 1, of=items(a=9_000, b=30)), last_event=1)  # every row is late
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{tmp_path}/small.duckdb' AS small (ROW_GROUP_SIZE 2048); USE small")
    small: Any = Mock(wraps=connection)
    small.cursor = lambda: connection.cursor().execute("USE small")
    source = ExportSource(small, 7, load_rows(small, found(given.location), tmp_path, None, lambda _: None))
    pages = [source.read(Segment(1, 2), None)]
    before = connection.execute("SELECT min(rowid) FROM rows").fetchone()
    connection.execute("CHECKPOINT")
    assert connection.execute("SELECT min(rowid) FROM rows").fetchone() != before, "otherwise the test shows nothing"
    while (after := pages[-1].next_key) is not None:
        pages.append(source.read(Segment(1, 2), after))
    pages.append(source.read(Segment(0, 2), None))
    read = [int(item["Version"]["N"]) for page in pages for item in page.items]
    assert read == list(range(1, version_of(30) + 1))
    connection.close()


TWICE = "it has the row b/3 more than once"


def in_another_file(location: Path) -> None:
    """The manifest names a copy of the fullest data file as well."""

    def copied(entries: list[dict[str, Any]]) -> None:
        path = fullest(location)
        (path.parent / "copy.json.gz").write_bytes(path.read_bytes())
        [entry] = [each for each in entries if each["dataFileS3Key"].endswith(path.name)]
        entries.append({**entry, "dataFileS3Key": "data/copy.json.gz"})
        with_summary(itemCount=sum(each["itemCount"] for each in entries))(location)

    with_entries(copied)(location)


@pytest.mark.parametrize("selection", [ALL, Accounts(("b",))])
@pytest.mark.parametrize("change", [{}, {"Balance": {"N": "7"}}, {"Timestamp": {"S": "2026-02-29T09:30:00.000001Z"}}])
def test_a_row_that_an_export_has_twice_is_refused(given: Given, selection: Selection, change: dict[str, Any]) -> None:
    """Also if the two differ, so that one of them is right."""
    rows = items(a=12, b=12)
    again = next(row for row in rows if (row["AccountId"]["S"], row["Version"]["N"]) == ("b", "3"))
    given.export([*rows, again | change])
    with pytest.raises(BadExport, match=TWICE):
        given.replayed(selection)
    assert given.sink.events == []


@pytest.mark.parametrize("events", [3, 9])  # the last row is an event, or a snapshot
def test_a_last_row_that_two_files_have_is_refused_and_not_cut(given: Given, events: int) -> None:
    given.export(items(b=events), last_event=events)
    in_another_file(given.location)
    with pytest.raises(BadExport, match="it has the row b/1 more than once"):
        given.replayed()
    given.export([*(rows := items(b=events)), rows[-1]], last_event=events)
    with pytest.raises(BadExport, match=f"it has the row b/{len(rows)} more than once"):
        given.replayed()


NO_KEY = "an item has no AccountId or no Version"
BAD_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "a later format": ({**items(z=1)[0], "Format": {"N": "4"}}, "row z/1 has the unknown format 4; this release"),
    "another table's row": ({"Id": {"S": "x"}}, NO_KEY),
    "a key of another type": ({"AccountId": {"N": "1"}, "Version": {"N": "1"}}, NO_KEY),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_an_export_with_foreign_rows_is_refused_before_any_event(given: Given, name: str) -> None:
    row, reason = BAD_ROWS[name]
    given.export([*items(a=30, b=12), row])
    with pytest.raises(BadExport, match=reason) as refused:
        given.replayed()
    assert str(given.location) in str(refused.value)
    assert given.sink.events == []


def test_a_snapshot_of_a_later_format_is_skipped_as_in_the_table(given: Given) -> None:
    rows = items(a=12)
    [snapshot] = [item for item in rows if item["Type"]["S"] == "SNAPSHOT"]
    snapshot["Format"] = {"N": "4"}
    given.export(rows)
    assert given.replayed().stopped == []
    assert given.of("a") == list(range(1, 13))


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_before_any_event(given: Given, name: str) -> None:
    given.export(items(a=30, b=12, c=30, d=12))
    damage, reason = DAMAGED[name]
    damage(given.location)
    with pytest.raises(BadExport, match=reason):
        given.replayed()
    assert given.sink.events == []


def test_a_line_that_is_not_json_is_refused(given: Given) -> None:
    given.export(items(a=30, b=12))
    with_data(lambda data: gzip.compress(gzip.decompress(data)[:-3] + b"\n"), is_sealed=True)(given.location)
    with pytest.raises(BadExport, match="a line is not JSON"):
        given.replayed()


def test_a_folder_with_special_characters_is_read(given: Given) -> None:
    given.folder /= "with [brackets] * and ?"
    given.export(items(a=12))
    given.replayed()
    assert given.of("a") == list(range(1, 13))


class Slow(Folder):
    """A folder whose largest file is read to its end only after a long time.

    Attributes:
        ended: the files that were read to their end.
    """

    ended: ClassVar[list[str]] = []

    def chunks(self, name: str) -> Iterator[bytes]:
        if (self.path / name).stat().st_size > 1_000:
            yield from repeat(b"", 20_000_000)
        yield from super().chunks(name)
        self.ended.append(name)


def test_ctrl_c_stops_reading_the_files(given: Given, tmp_path: Path) -> None:
    """A file that is being read is abandoned, and no thread goes on."""
    given.export(items(a=300))
    whole = found(given.location)
    Slow.ended.clear()
    before = threading.active_count()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    slow = FoundExport(whole.export, Slow(given.location))
    with pytest.raises(KeyboardInterrupt), export_source(slow, tmp_path, progress=interrupted):
        pass
    large = max(whole.export.files, key=lambda file: file.items)
    assert large.key not in Slow.ended
    assert threading.active_count() == before


def test_a_full_disk_is_reported_with_what_to_do(given: Given, tmp_path: Path) -> None:
    given.export(items(a=30))
    (tmp_path / "export.duckdb").write_bytes(b"not a database")
    with pytest.raises(Interrupted, match="Set TMPDIR"), export_source(found(given.location), tmp_path):
        pass


def test_pages_are_as_large_as_asked(given: Given, tmp_path: Path) -> None:
    given.export(items(a=30))
    with export_source(found(given.location), tmp_path, page_rows=10) as source:
        page = source.read(Segment(0, 1), None)
        assert [item["Version"]["N"] for item in page.items] == [str(version) for version in range(1, 11)]
        assert source.read(Segment(0, 1), page.next_key).items[0]["Version"]["N"] == "11"
        assert version_of(30) == 33


def test_the_bytes_are_those_that_the_projector_publishes(given: Given) -> None:
    given.export(items(a=30))
    given.replayed()
    assert [event.data for event in given.sink.events if isinstance(event, Outgoing)] == of_projector("a", 30)
