"""How many events an invocation gets, which decides how many invocations a million commands take. Pure."""

import math

TABLE_POLL_S, STREAM_POLL_S = 0.25, 1.0
"""The base rates of Lambda's polling; see local_stack/event_source_mapping/poll_rate.py."""


def mean_batch(rate: float, interval_s: float) -> float:
    """The mean number of events in a poll that finds any.

    Args:
        rate: events a second of one shard, which arrive independently of each other (Poisson).
        interval_s: seconds from one poll to the next.
    """
    mean = rate * interval_s
    return mean / -math.expm1(-mean)


def billed_s(cpu_ms: float, wait_ms: float, memory_mb: int) -> float:
    """Lambda's billed duration, in whole milliseconds.

    A function has a share of a core: "at 1,769 MB, a function has the equivalent of one vCPU" (AWS Lambda developer
    guide, "Configure Lambda function memory"). With more memory, a single thread does not run faster.

    Args:
        cpu_ms: on one core of this machine.
        wait_ms: for other services.
        memory_mb: of the function.
    """
    share = min(1.0, memory_mb / 1_769)
    return math.ceil(cpu_ms / share + wait_ms) / 1_000
