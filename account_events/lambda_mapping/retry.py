"""How long a shard waits between retries. AWS publishes no figures for streams, so this project chose its own."""

from dataclasses import dataclass

_EXPONENT_MAX = 32


@dataclass(frozen=True)
class Backoff:
    """Bounded exponential backoff. It needs no jitter, because one mapping retries one batch per shard at a time."""

    initial_s: float = 0.2
    factor: float = 2.0
    limit_s: float = 30.0

    def delay_s(self, failures: int) -> float:
        """The seconds to wait after this number (1 or more) of consecutive failures."""
        return min(self.limit_s, self.initial_s * self.factor ** min(failures - 1, _EXPONENT_MAX))
