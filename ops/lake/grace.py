"""The grace of the commands that look for what the lake lacks: what is younger may be on its way."""

from datetime import datetime

GRACE_S_MAX = 30 * 24 * 60 * 60
"""The longest that may be asked for. No delivery takes as long; and the moment it is counted back to is a date."""


def cut_us(now: datetime, grace_s: float) -> int:
    """What occurred later may be on its way, microseconds since 1970."""
    return round((now.timestamp() - grace_s) * 1_000_000)
