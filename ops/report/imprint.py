"""What a report says of itself. Apart from the page, whose charts take a quarter of a second to import."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Imprint:
    """Attributes: `lake` is whose; `written_at` is in UTC; the daily totals may have been brought up to date before."""

    lake: str
    written_at: datetime
    totals_are_fresh: bool = True
