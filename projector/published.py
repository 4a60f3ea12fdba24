"""What became of events that were to be published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from projector.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An event that was not accepted, or not known to be, and why it waits: an error code, no message."""

    event: Outgoing
    reason: str


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
