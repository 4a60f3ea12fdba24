"""Lets a parked account go once its rows are repaired: what waits is published from the table, then its record goes.

The protocol is the one of `projector.parking`: the record goes only if nothing was held back meanwhile that is not yet
published; otherwise that is published too, and so on. Whatever ends a release on the way, be it a row that is still
wrong, a Kinesis that does not answer or Ctrl-C, leaves the account parked and nothing lost; to run it again is always
safe, and at worst repeats events.
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
"""So long Kinesis may accept nothing at all."""

ROUNDS_MAX = 1_000
"""So often more may be held back while the rest is published."""

HELD_BACK_TOO_FAST = "more events were held back as fast as these were published"

Progress = Callable[[str, int, int], None]
"""Account, the sequence it is published through, and the one it is known to wait through."""


@dataclass(frozen=True, slots=True)
class Released:
    """What became of a parked account.

    Attributes:
        published: how many events were published for it just now.
        waits: what it is still parked with, and why; None: it is parked no more.
    """

    account_id: str
    published: int
    waits: Parked | None = None


@dataclass(slots=True)
class _Run:
    """The events that this run has published, from `first` through `through`."""

    first: int
    through: int
    published: int = 0

    def go_on_from(self, first: int) -> None:
        """Begin again there, unless that is among the published or right behind them."""
        if not self.first <= first <= self.through + 1:
            self.first, self.through = first, first - 1


class Releaser:
    """Releases accounts, one at a time.

    Args:
        parking: the parked accounts.
        ledger: the table.
        publisher: with the deployed projector's packing, so that an account's events keep to their place on the stream.
        clock: seconds, monotonic; the publisher's.
        progress: told after every page.
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
        """Publish what waits and let the account go.

        Args:
            parked: as `Parking.list_parked` returned it; it may have changed since.

        Raises:
            Unavailable: DynamoDB does not answer; the account is still parked, or, if that was the last answer of all,
                just released.
        """
        run = _Run(parked.first, parked.first - 1)
        for _ in range(ROUNDS_MAX):
            run.go_on_from(parked.first)
            stop = self._publish(parked, run)
            if stop is not None:
                self._write_down(parked, stop)
                return Released(parked.account_id, run.published, stop)
            if self._parking.release(parked, parked.held_through):
                return Released(parked.account_id, run.published)
            there = self._parking.list_parked().get(parked.account_id)
            if there is None:
                return Released(parked.account_id, run.published)
            parked = there
        return Released(parked.account_id, run.published, replace(parked, reason=HELD_BACK_TOO_FAST))

    def _publish(self, parked: Parked, run: _Run) -> Parked | None:
        """Publish what waits, as far as is known; what the account has to be parked with instead, if that fails."""
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
            reason = f"Kinesis did not accept it: {held[0].reason}"
            return replace(parked, first=first, version=version_of(first), reason=reason)
        if poison is not None and not held:
            return replace(parked, first=poison.sequence, version=poison.version, reason=poison.reason)
        return None

    def _write_down(self, parked: Parked, stop: Parked) -> None:
        if stop != parked:
            with suppress(Unavailable):  # then what is published now goes again next time
                self._parking.advance(parked, stop)
