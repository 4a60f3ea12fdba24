"""Why a fault could not begin or end."""

from local_stack.errors import CommandError


class FaultRefused(CommandError):
    """The fault did not begin or end, and nothing has changed.

    Attributes:
        reason: why not, a sentence.
        advice: what to do, a sentence.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason} {advice}")
        self.reason, self.advice = reason, advice


class UnknownFault(FaultRefused):
    """There is no fault of this name."""


class FaultsOff(FaultRefused):
    """Scripts may not let faults begin in this local stack."""

    def __init__(self) -> None:
        super().__init__(
            "This local stack accepts faults from its console only.",
            "Start it with `account-events up --faults`, or use the switch of its console.",
        )
