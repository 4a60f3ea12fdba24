"""Why the function refused records, as its report in the bucket has it."""

from datetime import UTC, datetime

from ops.lake.repair_ports import S3Bucket, reasons_in


class Bucket(S3Bucket):
    """With one report, of yesterday."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get(self, key: str) -> bytes | None:
        return self._body if "dt=2026-11-24/" in key else None


def test_reasons_are_read_line_by_line_and_lines_end_at_line_feeds_only() -> None:
    line = '{"recordId": "r-1",\r"error": "Refused", "reason": "a\u2028b"}'
    reasons = reasons_in(
        Bucket(f"{line}\r\n{line.replace('r-1', 'r-2')}\n".encode()), lambda: datetime(2026, 11, 25, tzinfo=UTC)
    )
    assert reasons("invocation-1") == {"r-1": "Refused: a\u2028b", "r-2": "Refused: a\u2028b"}
