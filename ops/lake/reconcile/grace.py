"""The grace period: events younger than this may still be on their way to the lake.

Source: Amazon Data Firehose Developer Guide, "Understand dynamic partitioning" (with it, data may be buffered for 1.5
times the interval) and "Transform source data" (the transform's own buffer). template.yaml's alarm on a late lake
allows the same time.
"""

from datetime import datetime

GRACE_S_MAX = 30 * 24 * 60 * 60
"""The longest grace period that a command accepts. No delivery takes that long."""
BUFFER_FACTOR = 1.5
TRANSFORM_BUFFER_S = 60.0
"""template.yaml's BufferIntervalInSeconds."""
RETRIES_S = 300.0
"""template.yaml's RetryOptions: how long Firehose retries a write."""


def delivery_s(buffer_s: float) -> float:
    """The longest time that a delivery without failures takes, given the stack's LakeBufferSeconds."""
    return BUFFER_FACTOR * buffer_s + TRANSFORM_BUFFER_S + RETRIES_S


def cut_us(now: datetime, grace_s: float) -> int:
    """The time, in microseconds since 1970, after which an event may still be on its way."""
    return round((now.timestamp() - grace_s) * 1_000_000)
