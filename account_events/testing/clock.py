"""A clock that moves only when `sleep` is called."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class VirtualClock:
    """A clock in seconds. `sleep` advances it and records the duration."""

    now_s: float = 100.0
    slept_s: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")  # as time.sleep
        self.slept_s.append(seconds)
        self.now_s += seconds
