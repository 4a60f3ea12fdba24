"""A report's origin: the lake and the time. Separate from `page`, whose charts take a quarter of a second to import."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReportOrigin:
    """What a report was written from, and when.

    Attributes:
        lake: the stack that has the lake, such as "the stack account-events".
        written_at: UTC, without a zone.
        totals_are_fresh: whether the daily totals were updated for the report.
    """

    lake: str
    written_at: datetime
    totals_are_fresh: bool = True
