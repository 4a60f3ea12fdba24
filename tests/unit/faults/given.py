"""A switch whose effects are recorded instead of carried out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_stack.faults.catalogue import FAULTS
from local_stack.faults.effects import Effects
from local_stack.faults.switch import FaultSwitch

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
NO_DEPLOYMENT: Any = None


class Recorded:
    """An effect that records its calls, and fails if it is given an error."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.chosen: dict[str, str] = {}
        self.error: Exception | None = None

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        self._fail()
        self.calls.append(dict(settings))
        return self.chosen

    def end(self) -> None:
        self._fail()
        self.calls.append("end")

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


class Given:
    """A switch, and its effects by name."""

    def __init__(self) -> None:
        self.effects = {name: Recorded() for name in FAULTS}
        self.closed = 0
        self.switch = FaultSwitch(
            NO_DEPLOYMENT, now=lambda: NOW, effects=lambda _deployment: Effects(self.effects, self._close)
        )

    def _close(self) -> None:
        self.closed += 1
