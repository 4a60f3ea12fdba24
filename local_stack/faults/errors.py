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
