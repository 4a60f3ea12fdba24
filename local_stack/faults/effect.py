"""What every fault offers to the switch."""

from collections.abc import Mapping
from typing import Protocol


class Effect(Protocol):
    """What a fault does. The switch calls one method at a time."""

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Let it begin; return what it has chosen itself, as settings.

        Raises:
            FaultRefused: it is not possible now; nothing has changed.
        """

    def end(self) -> None:
        """End it and undo what it changed. Nothing happens if it is momentary."""
