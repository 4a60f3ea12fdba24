"""The grace of the commands that look for what the lake lacks: what is younger may be on its way.

Source: Amazon Data Firehose Developer Guide, "Understand dynamic partitioning" (with it, data may be buffered for 1.5
times the interval) and "Transform source data" (the transform's own buffer). template.yaml's alarm on a late lake
counts the same.
"""

from datetime import datetime

GRACE_S_MAX = 30 * 24 * 60 * 60
"""The longest that may be asked for. No delivery takes as long; and the moment it is counted back to is a date."""
BUFFER_FACTOR = 1.5
TRANSFORM_BUFFER_S = 60.0
"""template.yaml's BufferIntervalInSeconds."""
RETRIES_S = 300.0
"""template.yaml's RetryOptions: so long Firehose tries to write again."""


def delivery_s(buffer_s: float) -> float:
    """The longest that an undisturbed delivery takes, for the stack's LakeBufferSeconds."""
    return BUFFER_FACTOR * buffer_s + TRANSFORM_BUFFER_S + RETRIES_S


def cut_us(now: datetime, grace_s: float) -> int:
    """What occurred later may be on its way, microseconds since 1970."""
    return round((now.timestamp() - grace_s) * 1_000_000)
