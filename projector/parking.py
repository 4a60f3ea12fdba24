"""Accounts that have to wait for a repair: a durable record for each, kept until an operator releases it.

An account is **parked** at the first of its events that cannot be published. Until it is released, that event and all
behind it are held back; events before it still go, if they come again. Nothing held back is kept here: the table has
it.

So that no event slips through between the last look at the table and the release, what is held back is written down
(`held_through`) before its stream record is done with, and a release that has not published as far is refused. If the
release comes first, `hold` is refused instead, and the record is delivered again, to an account that is parked no more.
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
        held_through: the sequence of the last event known to wait; `first` - 1 where none does yet.
        version: the key of the row that stopped it, with the account's.
        reason: why; never an amount.
        at: when, ISO 8601 UTC.
    """

    account_id: str
    first: int
    held_through: int
    version: int
    reason: str
    at: str


class Parking(Protocol):
    """Where the records are. Every method may raise Unavailable: then whether it took place is not known."""

    def look(self) -> Mapping[str, Parked]:
        """All parked accounts, strongly consistent."""

    def park(self, parked: Parked) -> bool:
        """Park an account, or at an earlier event than it is; what is known to wait for it still does.

        False: it is parked already, at this event or an earlier one.
        """

    def hold(self, parked: Parked, through: int) -> bool:
        """Write down that a parked account's events wait up to `through`. False: it has been released since."""

    def advance(self, parked: Parked, further: Parked) -> bool:
        """Write down that the events before `further.first` are published, and what stops the account there.

        Only `first`, `version` and `reason` are taken from it. False: the account is parked elsewhere, or has gone. A
        `hold` that looked before is refused, and its record delivered again.
        """

    def release(self, parked: Parked, through: int) -> bool:
        """Let an account go whose events are published up to `through`. False: more of them wait, or it has gone."""


def last_of(arrivals: Iterable[Arrival]) -> int:
    """The sequence of the last event among them. A poisonous row in a snapshot's place is no event."""
    return max(
        arrival.sequence - (isinstance(arrival, Poison) and is_snapshot_version(arrival.version))
        for arrival in arrivals
    )
