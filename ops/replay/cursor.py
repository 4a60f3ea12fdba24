"""Tracks how far one account has been replayed: accepts its rows as they arrive and detects rows out of order.

The projector's own code turns a row into an event. The event therefore has the id and the values that were published,
and the bytes that the projector would publish today: an event that was published under an older schema version is
encoded with the working one. An account's events are emitted in sequence without gaps, until its rows end, or until a
row is missing or cannot be turned into an event. The replay of the account then stops and is reported.
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

NO_VERSION = "its key's Version is not a valid row version"


class NoEvent(Enum):
    """Why a row yields no event now."""

    SKIPPED = "it is a snapshot, its event was already sent, or the account has stopped"
    OUT_OF_ORDER = "an earlier row of the account has not been read yet"


@dataclass(frozen=True, slots=True)
class Stopped:
    """An account that could not be replayed to its end.

    Attributes:
        sequence: the first event that was not replayed.
        version: the Version in the key of the row that is wrong or missing.
        reason: why; it never contains an amount.
    """

    account_id: str
    sequence: int
    version: str
    reason: str


@dataclass(slots=True)
class Cursor:
    """The progress of one account. The field names are stored in checkpoints.

    Attributes:
        due: the sequence of its next event.
        latest_us: the latest time of its events so far; None before the first.
        first: the sequence of its first selected event; None before that.
        stopped: why the account stopped early; None if it did not.
    """

    account_id: str
    due: int = 1
    latest_us: int | None = None
    first: int | None = None
    stopped: Stopped | None = None

    @property
    def next_version(self) -> int | None:
        """The version to continue reading from; None to read from the account's first row, even if its key is wrong.

        It is directly after the last event's row, so that a wrong row in the place of a snapshot is not skipped.
        """
        return version_of(self.due - 1) + 1 if self.due > 1 else None

    def take(
        self, item: Item, encoders: Encoders = ENCODERS
    ) -> Outgoing | Literal[NoEvent.SKIPPED, NoEvent.OUT_OF_ORDER]:
        """The event of the next row. The cursor advances unless the row is out of order."""
        if self.stopped is not None:
            return NoEvent.SKIPPED
        number = item[VERSION]["N"]
        version = version_in(number)
        if version is None:
            return self._stop(number, NO_VERSION)
        sequence = sequence_from(version)
        if sequence != self.due:
            return NoEvent.SKIPPED if sequence < self.due else NoEvent.OUT_OF_ORDER
        arrival = read_image(item, self.account_id, version, 0, encoders)
        if arrival is None:
            return NoEvent.SKIPPED
        if isinstance(arrival, Poison):
            return self._stop(number, arrival.reason)
        self.due += 1
        self.latest_us = arrival.occurred_us if self.latest_us is None else max(self.latest_us, arrival.occurred_us)
        return arrival

    def select(self, sequence: int) -> None:
        """Records that this event of the account is selected."""
        self.first = self.first or sequence

    def begins_with(self, item: Item) -> bool:
        """Whether this is the row of the first selected event. Accounts are counted by it, since it comes only once.

        If an account's rows are interrupted and later read again from the beginning, a new cursor tracks them. That
        cursor cannot know whether the earlier one was counted.
        """
        return self.first is not None and item[VERSION]["N"] == str(version_of(self.first))

    def stop_at_gap(self) -> None:
        """Stops the account because the table has no row for its next event."""
        self._stop(str(version_of(self.due)), NO_ROW)

    def _stop(self, version: str, reason: str) -> Literal[NoEvent.SKIPPED]:
        self.stopped = Stopped(self.account_id, self.due, version, reason)
        return NoEvent.SKIPPED
