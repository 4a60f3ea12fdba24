"""Parked accounts: each has a durable record until an operator releases the account.

An account is **parked** at its first event that cannot be published. Until the account is released, that event and all
later ones are held back. Earlier events are still published if they are delivered again. Events that are held back are
not stored here; they are in the accounts' table.

No event may be lost between a release's last read of the table and the release itself. Therefore the projector records
the last event held back (`held_through`) before it acknowledges that event's stream record, and a release that has not
published up to that event is refused. If the release comes first, `hold` is refused instead. The stream record is then
delivered again, and by that time the account is no longer parked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from account_core.rows.items import is_snapshot_version
from projector.outgoing import Arrival, Poison


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked account.

    Attributes:
        first: the sequence of its first event that is not on the stream.
        held_through: the sequence of the last event known to be held back; `first` - 1 if there is none yet.
        version: the sort key of the row that cannot be published.
        reason: why the row cannot be published; contains no amount.
        at: when the account was parked, ISO 8601 UTC.
    """

    account_id: str
    first: int
    held_through: int
    version: int
    reason: str
    at: str


class Parking(Protocol):
    """The records of parked accounts. Any method may raise Unavailable; whether a write took place is then unknown."""

    def list_parked(self) -> Mapping[str, Parked]:
        """Return all parked accounts by account id, strongly consistent."""

    def park(self, parked: Parked) -> bool:
        """Park an account, or move a parked account to an earlier event and keep the larger `held_through`.

        False: the account is already parked at this event or an earlier one.
        """

    def hold(self, parked: Parked, through: int) -> bool:
        """Record that a parked account's events are held back up to `through`.

        False: the account was released, or parked at another event, after `parked` was read.
        """

    def advance(self, parked: Parked, further: Parked) -> bool:
        """Record that the events before `further.first` are published, and why the account is parked there.

        Only `first`, `version` and `reason` are taken from `further`. False: the account is parked at another event or
        was released. A `hold` based on an earlier read is then refused, and its record is delivered again.
        """

    def release(self, parked: Parked, through: int) -> bool:
        """Release an account whose events are published up to `through`.

        False: later events are held back, or the account was already released.
        """


def last_of(arrivals: Iterable[Arrival]) -> int:
    """The highest sequence among the arrivals. A Poison in a snapshot's place does not count as an event."""
    return max(
        arrival.sequence - (isinstance(arrival, Poison) and is_snapshot_version(arrival.version))
        for arrival in arrivals
    )
