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
        self._spans: dict[str, tuple[int, int]] = {}
        self._accounts_max = accounts_max

    def last(self, account_id: str) -> int | None:
        span = self._spans.get(account_id)
        return None if span is None else span[1]

    def span(self, account_id: str) -> Span | None:
        span = self._spans.get(account_id)
        return None if span is None else Span(*span)

    def update(self, accepted: Iterable[Outgoing]) -> None:
        """Args: `accepted`, of each account in sequence and without holes behind what is known."""
        spans = self._spans
        if len(spans) > self._accounts_max:
            spans.clear()  # all at once: simple, and only as if the environment were new
        for account_id, sequence, _, _, _ in accepted:
            span = spans.get(account_id)
            if span is None:
                spans[account_id] = sequence, sequence
            elif sequence > span[1]:
                spans[account_id] = span[0], sequence

    def forget(self, account_id: str) -> None:
        self._spans.pop(account_id, None)
