"""What a replay will take, from DynamoDB's own figures of the table, which may be six hours old."""

from dataclasses import dataclass

READ_UNIT_BYTES = 4096
"""Strongly consistent: docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html."""
PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TableSize:
    """Of the whole table, snapshots included.

    Attributes:
        table_id: another one for a table of the same name made later.
    """

    table_id: str
    rows: int
    size_bytes: int

    @property
    def read_units(self) -> int:
        return -(-self.size_bytes // READ_UNIT_BYTES)

    def page_units(self, segments: int) -> float:
        """What a first page may take, for the pace."""
        return max(1.0, min(self.size_bytes / segments, PAGE_BYTES) / READ_UNIT_BYTES)


def duration_s(read_units: float, units_per_s: float) -> float:
    """Where the reading is what takes the time."""
    return read_units / units_per_s


def in_words(seconds: float) -> str:
    """Rounded: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:  # noqa: PLR2004 -- of seconds
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 -- of minutes
