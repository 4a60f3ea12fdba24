"""Sinks: a stream that refuses events, a file that is truncated, and the file formats."""

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from account_core.domain.events import EventRow
from account_events.avro.codec import CONTRACT, Codec
from account_events.testing.faults import Fault
from account_events.testing.kinesis import MemoryKinesis
from ops.replay.errors import Interrupted, InvalidRequest, NotResumable
from ops.replay.file_format import FileFormat, events_in, to_frame, writer
from ops.replay.file_sink import FileSink
from ops.replay.sinks import PATIENCE_S, ROUND_S, CountingSink, Metered, StreamSink
from projector.kinesis_errors import CONFIGURATION, REFUSED
from projector.lanes import aggregated, plain
from projector.outgoing import Outgoing, outgoing
from projector.publish import KinesisPublisher
from tests.support.rows import history

CODEC = Codec(CONTRACT)
EVENTS = [outgoing(row, 0) for account_id in "abc" for row in history(account_id, 12) if isinstance(row, EventRow)]


def sink_on(kinesis: MemoryKinesis, refused: list[str] | None = None) -> StreamSink:
    pack = Metered(aggregated(4))
    clock = kinesis.clock
    publisher = KinesisPublisher(
        kinesis,  # type: ignore[arg-type]  # as far as it is used
        "events",
        pack,
        clock=clock,
        sleep=clock.sleep,
        jitter=lambda: 0.5,
    )
    reasons = refused if refused is not None else []
    return StreamSink(publisher, pack, clock, lambda _events, reason: reasons.append(reason))


def sequences(kinesis: MemoryKinesis, account_id: str) -> list[int]:
    return [event.fields["sequence"] for event in kinesis.events() if event.fields["account_id"] == account_id]


@given(
    st.lists(
        st.builds(
            Fault,
            refused=st.frozensets(st.integers(0, 3)),
            throttled=st.booleans(),
            lost=st.booleans(),
        ),
        max_size=30,
    )
)
def test_refused_events_are_sent_again_in_order(faults: Sequence[Fault]) -> None:
    kinesis = MemoryKinesis(faults)
    sink_on(kinesis).write(EVENTS)
    for account_id in "abc":
        assert list(dict.fromkeys(sequences(kinesis, account_id))) == list(range(1, 13))


def test_a_stream_that_accepts_nothing_ends_the_run() -> None:
    kinesis, reasons = MemoryKinesis(refuse=["a"]), list[str]()
    begun_s = kinesis.clock.now_s
    with pytest.raises(Interrupted, match="no event for 120 s: ProvisionedThroughputExceededException"):
        sink_on(kinesis, reasons).write(EVENTS)
    assert PATIENCE_S <= kinesis.clock.now_s - begun_s < 2 * PATIENCE_S
    assert set(reasons) == {"ProvisionedThroughputExceededException"}
    assert sequences(kinesis, "a") == []


class RefusingKinesis(MemoryKinesis):
    def __init__(self, code: str) -> None:
        super().__init__()
        self._code = code

    def put_records(self, **_: object) -> dict[str, Any]:
        self.clock.now_s += 1
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "PutRecords")


@pytest.mark.parametrize("code", sorted(CONFIGURATION | REFUSED))
def test_a_permanent_error_ends_the_run_after_the_round(code: str) -> None:
    kinesis = RefusingKinesis(code)
    begun_s = kinesis.clock.now_s
    with pytest.raises(Interrupted, match=f"Kinesis accepts no event: {code}"):
        sink_on(kinesis).write(EVENTS)
    assert kinesis.clock.now_s - begun_s <= ROUND_S + 1


def test_a_stream_that_recovers_receives_everything() -> None:
    """Even after more than PATIENCE_S, as long as it accepts an event now and then."""
    throttled, all_but_one = [Fault(throttled=True)] * 110, Fault(refused=frozenset({1, 2, 3}))
    kinesis, reasons = MemoryKinesis([*throttled, all_but_one, *throttled]), list[str]()
    begun_s = kinesis.clock.now_s
    sink_on(kinesis, reasons).write(EVENTS)
    assert kinesis.clock.now_s - begun_s > PATIENCE_S
    assert len(reasons) > 2
    for account_id in "abc":
        assert sequences(kinesis, account_id) == list(range(1, 13))
    assert len(kinesis.events()) == len(EVENTS)


def test_put_units_are_counted_as_billed() -> None:
    big = [Outgoing("a", sequence, 0, bytes(20_000), 0) for sequence in range(1, 6)]
    assert CountingSink(aggregated(32)).write(big) == 4  # 100 KB in one record
    assert CountingSink(plain(32)).write(big) == 5  # each rounded up to 25 KB
    assert CountingSink(plain(32)).write([]) == 0
    sink = CountingSink(plain(32))
    assert [sink.write(big[:2]), sink.write(big[:1])] == [2, 1]


@given(st.integers(0, len(EVENTS)))
def test_both_formats_return_the_bytes(number: int) -> None:
    payloads = [event.data for event in EVENTS[:number]]
    assert list(events_in(BytesIO(b"".join(map(writer("jsonl", CODEC), payloads))), "jsonl")) == payloads
    assert list(events_in(BytesIO(b"".join(map(to_frame, payloads))), "framed")) == payloads


@pytest.mark.parametrize("file_format", ["jsonl", "framed"])
def test_a_truncated_file_is_reported(file_format: FileFormat) -> None:
    whole = b"".join(writer(file_format, CODEC)(event.data) for event in EVENTS[:2])
    first = len(writer(file_format, CODEC)(EVENTS[0].data))
    for length in range(first + 1, len(whole)):
        with pytest.raises(ValueError, match=r"is truncated|no replayed event"):
            list(events_in(BytesIO(whole[:length]), file_format))


@pytest.mark.parametrize("line", [b"{}\n", b"x\n", b'{"data":1}\n', b'{"data":"?"}\n', b"[]\n"])
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="line 1 is not a replayed event"):
        list(events_in(BytesIO(line), "jsonl"))


def test_a_file_continues_at_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "events"
    sink = FileSink(path, None, to_frame)
    assert sink.flush() == 0
    sink.write(EVENTS[:2])
    position = sink.flush()
    sink.write(EVENTS[2:4])
    sink.close()
    assert 0 < position < path.stat().st_size
    sink = FileSink(path, position, to_frame)
    sink.write(EVENTS[2:3])
    sink.close()
    with path.open("rb") as file:
        assert list(events_in(file, "framed")) == [event.data for event in EVENTS[:3]]


def test_a_file_is_synced_before_its_position_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    sink = FileSink(tmp_path / "events", None, to_frame)
    sink.write(EVENTS[:2])
    assert sizes == []
    position = sink.flush()
    assert sizes == [position]
    assert position > 0
    sink.close()


def test_a_deleted_file_cannot_be_resumed(tmp_path: Path) -> None:
    FileSink(tmp_path / "begun", 0, to_frame).close()
    assert (tmp_path / "begun").read_bytes() == b""
    with pytest.raises(NotResumable):
        FileSink(tmp_path / "gone", 5, to_frame)
    assert not (tmp_path / "gone").exists()
    (tmp_path / "full").write_bytes(b"x")
    with pytest.raises(InvalidRequest):
        FileSink(tmp_path / "full", None, to_frame)
    assert (tmp_path / "full").read_bytes() == b"x"
