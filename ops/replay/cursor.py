"""How far one account is replayed: takes its rows as they come, and says where one is out of turn.

A row is turned into an event by the projector's own code, so that it has the id and the values that were published, and
the bytes that the projector would publish today: an event that went out under an older schema version comes in the
working one. Of an account, event after event goes out, none left out, until its rows end or one can make no event:
there it stops, and is reported.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from account_core.rows.items import sequence_from, version_in, version_of
from account_core.rows.layout import VERSION
from account_events.avro.encoder import ENCODERS, Encoders
from ops.replay.source import Item
from projector.outgoing import Outgoing, Poison
from projector.parse import NO_ROW, read_image

NO_VERSION = "its key has no version that a row can have"


class Turn(Enum):
    """What a row is, where it is no event to be sent now."""

    NOTHING = "a snapshot, a row that is out already, or one behind the account's stop"
    OUT = "rows in front of it have not been seen"


@dataclass(frozen=True, slots=True)
class Stopped:
    """An account that is replayed up to some row and no further.

    Attributes:
        sequence: of the first event that is missing.
        version: of the row that is wrong, as its key has it.
        reason: never an amount.
    """

    account_id: str
    sequence: int
    version: str
    reason: str


@dataclass(slots=True)
class Cursor:
    """Where an account stands.

    Attributes:
        due: the sequence of its next event.
        latest_us: the latest time of its events so far; None before the first.
        first: the sequence of its first selected event; None before that.
        stopped: at what it ended early.
    """

    account_id: str
    due: int = 1
    latest_us: int | None = None
    first: int | None = None
    stopped: Stopped | None = None

    @property
    def next_version(self) -> int | None:
        """Where to read on: right behind the last event's row, so that nothing in a snapshot's place is passed over.

        None: from the account's first row, whatever its key.
        """
        return version_of(self.due - 1) + 1 if self.due > 1 else None

    def take(self, item: Item, encoders: Encoders = ENCODERS) -> Outgoing | Literal[Turn.NOTHING, Turn.OUT]:
        """The event of the next row; the cursor moves on unless that is OUT of turn."""
        if self.stopped is not None:
            return Turn.NOTHING
        number = item[VERSION]["N"]
        version = version_in(number)
        if version is None:
            return self._stop(number, NO_VERSION)
        place = sequence_from(version)
        if place != self.due:
            return Turn.NOTHING if place < self.due else Turn.OUT
        arrival = read_image(item, self.account_id, version, 0, encoders)
        if arrival is None:
            return Turn.NOTHING
        if isinstance(arrival, Poison):
            return self._stop(number, arrival.reason)
        self.due += 1
        self.latest_us = arrival.occurred_us if self.latest_us is None else max(self.latest_us, arrival.occurred_us)
        return arrival

    def select(self, sequence: int) -> None:
        """An event of it is sent."""
        self.first = self.first or sequence

    def begins_with(self, item: Item) -> bool:
        """Whether it is the row of the first selected event, which comes once: by it an account is counted.

        An account that is left in the middle, and read from its beginning when it comes again, is another cursor, which
        cannot know whether the one before it was counted.
        """
        return self.first is not None and item[VERSION]["N"] == str(version_of(self.first))

    def stop_at_hole(self) -> None:
        """The table has no row for the event that is due."""
        self._stop(str(version_of(self.due)), NO_ROW)

    def _stop(self, version: str, reason: str) -> Literal[Turn.NOTHING]:
        self.stopped = Stopped(self.account_id, self.due, version, reason)
        return Turn.NOTHING
