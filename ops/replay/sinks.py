"""Targets of a replay. Files and stdout are in `file_sink`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ops.replay.errors import Interrupted
from projector.kinesis_errors import CONFIGURATION, REFUSED
from projector.lanes import Lane, Pack
from projector.outgoing import Outgoing, Publisher

PUT_UNIT_BYTES = 25 * 1024
ROUND_S = 20.0
PATIENCE_S = 120.0
"""How long Kinesis may accept no event at all before the replay ends with an error."""


class Sink(Protocol):
    """Receives events by `write`, in order per account. After `flush` they are durable."""

    def write(self, events: Sequence[Outgoing]) -> int:
        """Writes the events and returns the Kinesis PUT units that they use.

        Raises:
            Interrupted: not all events were accepted.
        """

    def flush(self) -> int | None:
        """Makes everything written so far durable. Returns the position; None if the sink cannot be rewound to it."""


class CountingSink:
    """Writes nothing and counts the PUT units of a stream; for a dry run."""

    def __init__(self, pack: Pack) -> None:
        self._pack = Metered(pack)

    def write(self, events: Sequence[Outgoing]) -> int:
        before = self._pack.put_units
        self._pack(events)
        return self._pack.put_units - before

    def flush(self) -> int | None:
        return None


class Metered:
    """A Pack that counts PUT units: records are rounded up to 25 KB (aws.amazon.com/kinesis/data-streams/pricing)."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self.put_units = 0

    def __call__(self, events: Iterable[Outgoing]) -> list[Lane]:
        lanes = self._pack(events)
        self.put_units += sum(-(-entry.size // PUT_UNIT_BYTES) for lane in lanes for entry in lane.waiting)
        return lanes


class StreamSink:
    """A Kinesis stream. Refused events are sent again, until Kinesis has accepted no event for PATIENCE_S.

    Args:
        publisher: sends the events, packed with `pack`.
        pack: counts PUT units.
        clock: seconds, monotonic; the publisher's.
        refused: called after each round with refused events, with their number and the reason.
    """

    def __init__(
        self,
        publisher: Publisher,
        pack: Metered,
        clock: Callable[[], float],
        refused: Callable[[int, str], None] = lambda _events, _reason: None,
    ) -> None:
        self._publisher = publisher
        self._pack = pack
        self._clock = clock
        self._refused = refused

    def write(self, events: Sequence[Outgoing]) -> int:
        before, waiting = self._pack.put_units, events
        give_up_s = self._clock() + PATIENCE_S
        while waiting:
            held = self._publisher.publish(waiting, self._clock() + ROUND_S).held
            if held:
                self._refused(len(held), held[0].reason)
            if len(held) < len(waiting):
                give_up_s = self._clock() + PATIENCE_S
            elif held[0].reason in CONFIGURATION | REFUSED:
                first = f"{held[0].event.account_id}:{held[0].event.sequence}"
                raise Interrupted(f"Kinesis accepts no event: {held[0].reason}; the first is {first}.")
            elif self._clock() >= give_up_s:
                raise Interrupted(f"Kinesis has accepted no event for {PATIENCE_S:.0f} s: {held[0].reason}.")
            waiting = [each.event for each in held]
        return self._pack.put_units - before

    def flush(self) -> int | None:
        """Does nothing: `write` returns only when everything was accepted."""
        return None
