"""The projector function's settings, read once from its environment, and its times."""

from collections.abc import Mapping
from dataclasses import dataclass

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 3.0

# A call begun just before the deadline may wait for both time-outs; then the outcome is logged and answered. So the
# function's own time limit must be well above this: with less, no call begins and every batch is delivered again.
SAFETY_MARGIN_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S + 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    stream_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises LookupError naming the variable that is missing."""
        try:
            return cls(stream_name=environment["EVENT_STREAM_NAME"])
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see Outputs of template.yaml.") from None


def deadline_s(now_s: float, remaining_ms: float) -> float:
    """When the last call may begin, on the clock of `now_s`, given what Lambda leaves the function."""
    return now_s + remaining_ms / 1000 - SAFETY_MARGIN_S
