"""Releases a parked account after its rows are repaired: publishes its events from the table, then unparks it.

It follows the protocol of `projector.parking`: the account is unparked only once the events that were held back
meanwhile are published, too. If a release ends early because a row is still wrong, Kinesis does not answer, or someone
interrupts it, the account stays parked and nothing is lost. Running the release again is always safe. At worst, events
are published twice.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from account_core.rows.items import version_of
from projector.errors import Unavailable
from projector.outgoing import Outgoing, Poison, Publisher
from projector.parking import Parked, Parking
from projector.project import Ledger

PAGE_EVENTS = 1_000
PATIENCE_S = 60.0
"""How long Kinesis may accept no event at all before the release of the account ends."""

ROUNDS_MAX = 1_000
"""How often a release may continue because more events were held back meanwhile."""

HELD_BACK_TOO_FAST = "new events were held back as fast as these were published"

Progress = Callable[[str, int, int], None]
"""Called with the account id, the last published sequence, and the last sequence known to be held back."""


@dataclass(frozen=True, slots=True)
class Released:
    """The result of releasing an account.

    Attributes:
        published: the number of events that this release published.
        still_parked: where and why the account is still parked; None if it is released.
    """

    account_id: str
    published: int
    still_parked: Parked | None = None


@dataclass(slots=True)
class _Run:
    """The events that this release has published, from `first` through `through`."""

    first: int
    through: int
    published: int = 0

    def continue_from(self, first: int) -> None:
        """Starts over at `first`, unless this event is already published or directly follows the published ones."""
        if not self.first <= first <= self.through + 1:
            self.first, self.through = first, first - 1


class Releaser:
    """Releases accounts, one at a time.

    Args:
        parking: the parked accounts.
        ledger: the table.
        publisher: must pack events as the deployed projector does, so that an account's events stay in its bucket.
        clock: seconds, monotonic; the publisher's.
        progress: called after every page.
    """

    def __init__(
        self,
        parking: Parking,
        ledger: Ledger,
        publisher: Publisher,
        *,
        clock: Callable[[], float],
        progress: Progress = lambda _account_id, _through, _last: None,
        page_events: int = PAGE_EVENTS,
    ) -> None:
        self._parking = parking
        self._ledger = ledger
        self._publisher = publisher
        self._clock = clock
        self._progress = progress
        self._page_events = page_events

    def release(self, parked: Parked) -> Released:
        """Publishes the events that were held back and unparks the account.

        Args:
            parked: an entry of `Parking.list_parked`, which may be out of date.

        Raises:
            Unavailable: DynamoDB does not answer. The account is still parked, unless only the response to the last
                request was lost.
        """
        run = _Run(parked.first, parked.first - 1)
        for _ in range(ROUNDS_MAX):
            run.continue_from(parked.first)
            stop = self._publish(parked, run)
            if stop is not None:
                self._record(parked, stop)
                return Released(parked.account_id, run.published, stop)
            if self._parking.release(parked, parked.held_through):
                return Released(parked.account_id, run.published)
            current = self._parking.list_parked().get(parked.account_id)
            if current is None:
                return Released(parked.account_id, run.published)
            parked = current
        return Released(parked.account_id, run.published, replace(parked, reason=HELD_BACK_TOO_FAST))

    def _publish(self, parked: Parked, run: _Run) -> Parked | None:
        """Publishes the events known to be held back. If that fails, returns where and why the account stays parked."""
        while run.through < parked.held_through:
            last = min(run.through + self._page_events, parked.held_through)
            stop = self._publish_page(parked, run, last)
            self._progress(parked.account_id, run.through, parked.held_through)
            if stop is not None:
                return stop
        return None

    def _publish_page(self, parked: Parked, run: _Run, last: int) -> Parked | None:
        arrivals = list(self._ledger.events(parked.account_id, run.through + 1, last, 0))
        events = [arrival for arrival in arrivals if isinstance(arrival, Outgoing)]
        poison = next((arrival for arrival in arrivals if isinstance(arrival, Poison)), None)
        held = self._publisher.publish(events, self._clock() + PATIENCE_S).held if events else ()
        run.through += len(events) - len(held)
        run.published += len(events) - len(held)
        if len(held) == len(events) > 0:
            first = held[0].event.sequence
            reason = f"Kinesis did not accept the event: {held[0].reason}"
            return replace(parked, first=first, version=version_of(first), reason=reason)
        if poison is not None and not held:
            return replace(parked, first=poison.sequence, version=poison.version, reason=poison.reason)
        return None

    def _record(self, parked: Parked, stop: Parked) -> None:
        if stop != parked:
            with suppress(Unavailable):  # the next release then publishes these events again
                self._parking.advance(parked, stop)
