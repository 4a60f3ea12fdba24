"""The pace, the progress display, the checkpoint on disk, and a table that does not answer."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from account_events.testing.clock import VirtualClock
from ops.replay.checkpoint_file import CheckpointFile
from ops.replay.display import Display
from ops.replay.dynamodb_source import ATTEMPTS_MAX, DynamoDBSource
from ops.replay.errors import Interrupted, InvalidRequest, NotResumable
from ops.replay.estimate import TableSize, in_words
from ops.replay.pace import ReadPace
from ops.replay.source import Account, Page, Segment
from ops.replay.state import Counts, PartState, State


@given(st.lists(st.tuples(st.floats(0, 256), st.floats(0.5, 256)), min_size=1), st.floats(0.5, 1_000))
def test_reads_keep_to_the_rate_on_average(reads: list[tuple[float, float]], units_per_s: float) -> None:
    """Sequential reads whose reservations are inexact. Only the last read's time may lie in the future."""
    clock = VirtualClock()
    pace, begun_s, taken = ReadPace(units_per_s, clock, clock.sleep), clock(), 0.0
    for reserved, units in reads:
        pace.sleep(pace.reserve(reserved))
        assert taken <= units_per_s * (clock() - begun_s) * (1 + 1e-9) + 1e-6
        pace.settle(reserved, units)
        taken += units


def test_concurrent_reads_wait_for_each_others_reservation() -> None:
    clock = VirtualClock()
    pace = ReadPace(10, clock, clock.sleep)
    assert [pace.reserve(5) for _ in range(4)] == pytest.approx([0, 0.5, 1.0, 1.5])
    clock.now_s += 60
    assert pace.reserve(5) == 0, "unused capacity must not be saved up"
    assert pace.reserve(5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (40.4, "40 s"), (89, "89 s"), (91, "2 min"), (5_000, "83 min"), (7_500, "2 h 5 min")],
)
def test_a_time_is_shown_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_tables_size_is_converted_to_read_units() -> None:
    assert TableSize("t", 0, 0).read_units == 0
    assert TableSize("t", 1, 1).read_units == 1
    assert TableSize("t", 9, 8_193).read_units == 3
    assert TableSize("t", 0, 0).page_units(4) == 1
    assert TableSize("t", 0, 10**9).page_units(4) == 256


def test_without_a_terminal_progress_is_a_line_every_few_seconds() -> None:
    clock, text = VirtualClock(), io.StringIO()
    with Display(Console(file=text), 100, Counts(events=50, read_units=20), clock) as display:
        for number in range(1, 9):
            clock.sleep(2)
            display.update(Counts(accounts=number, events=50 + 10 * number, read_units=20 + 5 * number))
    assert text.getvalue().splitlines() == [
        "3 accounts, 80 events, 5 events/s, about 26 s left",
        "6 accounts, 110 events, 5 events/s, about 20 s left",
    ]


def test_the_time_left_of_an_export_is_estimated_by_rows() -> None:
    clock, text = VirtualClock(), io.StringIO()
    with Display(Console(file=text), 100, Counts(rows=20), clock, unit="rows") as display:
        clock.sleep(5)
        display.update(Counts(accounts=1, events=10, rows=60, read_units=0))
    assert text.getvalue() == "1 account, 10 events, 2 events/s, about 5 s left\n"


def test_on_a_terminal_progress_is_a_bar() -> None:
    clock, text = VirtualClock(), io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    with Display(console, None, Counts(), clock) as display:
        clock.sleep(2)
        display.update(Counts(accounts=3, events=10, read_units=5))
    assert "3 accounts, 10 events, 5 events/s" in text.getvalue()


def test_reading_more_than_expected_shows_no_time_left() -> None:
    clock, text = VirtualClock(), io.StringIO()
    with Display(Console(file=text), 10, Counts(), clock) as display:
        clock.sleep(10)
        display.update(Counts(accounts=1, events=10, read_units=11))
    assert text.getvalue() == "1 account, 10 events, 1 events/s\n"


STATE = State({"segment 0 of 1": PartState()}, position=7)


def test_a_checkpoint_is_locked_by_one_run(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json", {"table": "t"})
    with file.locked():
        file.save(STATE)
        with pytest.raises(NotResumable, match="Another replay is using"), CheckpointFile(file.path, {}).locked():
            pytest.fail("the checkpoint was locked")
        assert file.load() == STATE
    with file.locked():
        assert file.load() == STATE
        file.delete()
        assert not file.exists()
    assert list(file.path.parent.iterdir()) == []


def test_an_interrupted_save_keeps_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json", {})
    file.save(STATE)

    def breaks(_descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", breaks)
    with pytest.raises(OSError, match="No space"):
        file.save(State({}))
    assert file.load() == STATE


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"format":1}', b"[" * 100_000, b"1" * 5_000])
def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    file = CheckpointFile(tmp_path / "checkpoint.json", {})
    file.path.write_bytes(content)
    with pytest.raises(InvalidRequest, match="is not a replay checkpoint: choose another file"):
        file.load()
    with pytest.raises(InvalidRequest, match="is not a replay checkpoint"), file.locked():
        pytest.fail("the checkpoint was locked")
    assert file.path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file.path]


class FailingTable:
    """Raises the given errors in turn, then returns empty pages."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.requests: list[dict[str, Any]] = []

    def scan(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        self.requests.append(request)
        if self.errors:
            raise self.errors.pop(0)
        return {"Items": []}

    query = describe_table = scan


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Scan")


def source_on(table: FailingTable, slept: list[float], *, is_ending: bool = False) -> DynamoDBSource:
    def wait(seconds: float) -> bool:
        slept.append(seconds)
        return is_ending

    return DynamoDBSource(table, "accounts", wait=wait, jitter=lambda: 0.5)  # type: ignore[arg-type]  # as far as it is used


def test_a_table_that_is_throttled_is_read_again_with_growing_pauses() -> None:
    slept: list[float] = []
    errors = [
        error("ProvisionedThroughputExceededException"),
        ReadTimeoutError(endpoint_url="x"),
        error("InternalServerError"),
    ]
    table = FailingTable(*errors)
    assert source_on(table, slept).read(Segment(0, 2), None) == Page([], None, 0.0)
    assert table.requests == table.requests[:1] * 4
    assert table.requests[0] == {
        "TableName": "accounts",
        "ConsistentRead": True,
        "ReturnConsumedCapacity": "TOTAL",
        "Segment": 0,
        "TotalSegments": 2,
    }
    assert len(slept) == 3
    assert slept == sorted(slept)
    assert slept[0] > 0


def test_a_single_segment_is_read_by_a_plain_scan() -> None:
    table = FailingTable()
    source_on(table, []).read(Segment(0, 1), None)
    assert not {"Segment", "TotalSegments"} & table.requests[0].keys()


def test_reading_ends_after_the_last_attempt() -> None:
    slept: list[float] = []
    with pytest.raises(Interrupted, match="accounts cannot be read: ThrottlingException"):
        source_on(FailingTable(*[error("ThrottlingException")] * 100), slept).read(Account("a"), None)
    assert len(slept) == ATTEMPTS_MAX - 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ExpiredTokenException"])
def test_an_error_that_needs_a_repair_is_not_retried(code: str) -> None:
    slept: list[float] = []
    with pytest.raises(Interrupted, match=code):
        source_on(FailingTable(error(code)), slept).read(Segment(0, 1), None)
    assert slept == []


@pytest.mark.parametrize("code", ["ValidationException", "SerializationException"])
def test_a_request_that_dynamodb_rejects_is_sent_once(code: str) -> None:
    slept: list[float] = []
    table = FailingTable(error(code), error(code))
    with pytest.raises(InvalidRequest, match=f"refuses to read account 'a' of the table accounts: {code}"):
        source_on(table, slept).read(Account("a"), None)
    with pytest.raises(InvalidRequest, match=f"refuses to read the table accounts: {code}"):
        source_on(table, slept).read(Segment(0, 1), None)
    assert (slept, len(table.requests)) == ([], 2)


def test_a_run_that_is_ending_does_not_wait() -> None:
    slept: list[float] = []
    table = FailingTable(*[error("ThrottlingException")] * 100)
    with pytest.raises(Interrupted):
        source_on(table, slept, is_ending=True).read(Segment(0, 1), None)
    assert len(slept) == 1


def test_a_table_that_cannot_be_described_is_reported() -> None:
    with pytest.raises(InvalidRequest, match="no table accounts"):
        source_on(FailingTable(error("ResourceNotFoundException")), []).size()
    with pytest.raises(Interrupted, match="cannot be described: AccessDeniedException"):
        source_on(FailingTable(error("AccessDeniedException")), []).size()
    with pytest.raises(InvalidRequest, match="'accounts' is not a valid table name: ValidationException"):
        source_on(FailingTable(error("ValidationException")), []).size()
