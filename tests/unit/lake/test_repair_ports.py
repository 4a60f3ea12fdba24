"""The reasons of failures that a redrive reads from the lake's bucket."""

from datetime import UTC, datetime
from typing import Any

from consumers.lake.table import REASONS_PREFIX
from ops.lake.repair.ports import reasons_in

GOOD = b'{"recordId": "r-1", "error": "CorruptBody", "reason": "too short"}'


def test_damaged_lines_of_reasons_are_skipped() -> None:
    """They only explain failures, which are kept in other files."""
    damaged = [b"", b"{", b"\xff", b"[]", b"5", b'{"recordId": "r-2"}', b"[" * 100_000]

    class Bucket:
        @staticmethod
        def get(key: str) -> bytes | None:
            return b"\n".join([*damaged, GOOD]) if key == f"{REASONS_PREFIX}dt=2026-11-24/inv-1.jsonl" else None

    bucket: Any = Bucket()
    reasons = reasons_in(bucket, lambda: datetime(2026, 11, 25, 0, 1, tzinfo=UTC))
    assert reasons("inv-1") == {"r-1": "CorruptBody: too short"}
    assert reasons("inv-2") == {}


def test_lines_of_reasons_end_at_line_feeds_only() -> None:
    line = '{"recordId": "r-1",\r"error": "Refused", "reason": "a\u2028b"}'
    body = f"{line}\r\n{line.replace('r-1', 'r-2')}\n".encode()

    class Bucket:
        @staticmethod
        def get(_key: str) -> bytes | None:
            return body

    bucket: Any = Bucket()
    reasons = reasons_in(bucket, lambda: datetime(2026, 11, 25, tzinfo=UTC))
    assert reasons("inv-1") == {"r-1": "Refused: a\u2028b", "r-2": "Refused: a\u2028b"}
