"""What of each account is published, as far as this execution environment knows."""

from collections.abc import Iterable
from typing import NamedTuple

from projector.outgoing import Outgoing

ACCOUNTS_MAX = 100_000


class Span(NamedTuple):
    """The events from sequence `first` to `last`, both included."""

    first: int
    last: int


class LastPublished:
    """By account the events that Kinesis accepted here; nothing about accounts not met, or forgotten.

    It may be behind, where other environments have published since, and it says nothing of what was before it began.
    What it says is on the stream.
    """

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._last: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._accounts_max = accounts_max
        self.get = self._last.get
        """By account the last sequence, or None."""

    def span(self, account_id: str) -> Span | None:
        last = self._last.get(account_id)
        return None if last is None else Span(self._first[account_id], last)

    def update(self, accepted: Iterable[Outgoing]) -> None:
        """Args: `accepted`, of each account in sequence and without holes behind what is known."""
        if len(self._last) > self._accounts_max:
            self._last.clear()  # all at once: simple, and only as if the environment were new
            self._first.clear()
        for event in accepted:
            last = self._last.get(event.account_id)
            if last is None:
                self._first[event.account_id] = event.sequence
            if last is None or event.sequence > last:
                self._last[event.account_id] = event.sequence

    def forget(self, account_id: str) -> None:
        self._last.pop(account_id, None)
        self._first.pop(account_id, None)
