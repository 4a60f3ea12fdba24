"""What each fault does to the local stack."""

from collections.abc import Mapping
from typing import Protocol

from local_stack.local_deployment import LocalDeployment


class Effect(Protocol):
    """What a fault does. The switch calls one method at a time."""

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Let it begin; return what it has chosen itself, as settings.

        Raises:
            FaultRefused: it is not possible now; nothing has changed.
        """

    def end(self) -> None:
        """End it and undo what it changed. Momentary faults have nothing to undo."""


def effects_of(deployment: LocalDeployment) -> Mapping[str, Effect]:
    """The effects of all faults, by name."""
    raise NotImplementedError(deployment)
