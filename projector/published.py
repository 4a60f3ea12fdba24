"""What became of events that were to be published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from projector.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An event that was not accepted, or not known to be.

    Attributes:
        reason: why it waits: an error code, no message.
        is_refused: it is the one for which a call was refused that was accepted without it: it never will be.
    """

    event: Outgoing
    reason: str
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What became of them all.

    Attributes:
        held: those not put on the stream; of each account all from some event on.
        records: how many records of Kinesis all events made.
        refusals: how often a record was not accepted.
    """

    held: Sequence[HeldBack]
    records: int
    refusals: int


class Publisher(Protocol):
    def publish(self, events: Iterable[Outgoing], deadline_s: float) -> Published:
        """As `KinesisPublisher.publish`."""
