"""The grace period: events younger than this may still be on their way to the lake.

Source: Amazon Data Firehose Developer Guide, "Understand dynamic partitioning" (with it, data may be buffered for 1.5
times the interval) and "Transform source data" (the transform's own buffer). template.yaml's alarm on a late lake
allows the same time.
"""

from datetime import datetime

from ops.lake.deployed_lake import Lake

GRACE_S_MAX = 30 * 24 * 60 * 60
"""The longest grace period that a command accepts. No delivery takes that long."""
BUFFER_FACTOR = 1.5
TRANSFORM_BUFFER_S = 60.0
"""template.yaml's BufferIntervalInSeconds."""
RETRIES_S = 300.0
"""template.yaml's RetryOptions: how long Firehose retries a write."""

LOCAL_GRACE_S = 15.0


def delivery_s(buffer_s: float) -> float:
    """The longest time that a delivery without failures takes, given the stack's LakeBufferSeconds."""
    return BUFFER_FACTOR * buffer_s + TRANSFORM_BUFFER_S + RETRIES_S


def cut_us(now: datetime, grace_s: float) -> int:
    """The time, in microseconds since 1970, after which an event may still be on its way."""
    return round((now.timestamp() - grace_s) * 1_000_000)


def grace_of(lake: Lake) -> float:
    """The seconds that an event may take to reach the lake."""
    if lake.is_local:
        return LOCAL_GRACE_S
    return delivery_s(float(lake.outputs["LakeBufferSeconds"]))
