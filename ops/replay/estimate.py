"""Estimates a replay's cost and duration from the table's size in DynamoDB, which may be six hours old."""

from dataclasses import dataclass

READ_UNIT_BYTES = 4096
"""Strongly consistent reads:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html."""
PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TableSize:
    """The size of the whole table, snapshots included.

    Attributes:
        table_id: unique, even among deleted tables of the same name.
        arn: the table's ARN.
    """

    table_id: str
    rows: int
    size_bytes: int
    arn: str = ""

    @property
    def read_units(self) -> int:
        return -(-self.size_bytes // READ_UNIT_BYTES)

    def page_units(self, segments: int) -> float:
        """Read units that the first page of a segment may use; for the pace."""
        return max(1.0, min(self.size_bytes / segments, PAGE_BYTES) / READ_UNIT_BYTES)


def duration_s(read_units: float, units_per_s: float) -> float:
    """How long it takes to read that many units at that rate."""
    return read_units / units_per_s


def in_words(seconds: float) -> str:
    """A rounded duration: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:  # noqa: PLR2004 -- of seconds
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 -- of minutes
