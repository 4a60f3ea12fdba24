"""How long a shard waits between retries. AWS publishes no figures for streams: these are ours."""

from dataclasses import dataclass

_EXPONENT_MAX = 32


@dataclass(frozen=True)
class Backoff:
    """Exponential and bounded, without jitter: one mapping retries on one shard at a time, so there is no herd."""

    initial_s: float = 0.2
    factor: float = 2.0
    limit_s: float = 30.0

    def delay_s(self, failures: int) -> float:
        """Seconds to wait after the given number (1 or more) of failures in a row."""
        return min(self.limit_s, self.initial_s * self.factor ** min(failures - 1, _EXPONENT_MAX))
