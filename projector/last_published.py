"""The events of each account that this execution environment knows to be published."""

from collections.abc import Iterable
from typing import NamedTuple

from projector.outgoing import Outgoing

ACCOUNTS_MAX = 100_000


class Span(NamedTuple):
    """The events from sequence `first` to `last`, both included."""

    first: int
    last: int


class LastPublished:
    """The events that Kinesis accepted from this environment, by account.

    Every event in a span is on the stream. Other environments may have published earlier and later events. An account
    that is unknown or forgotten has no span.
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
        """Add accepted events. Per account, they must be in sequence and leave no gap after the account's span."""
        spans = self._spans
        if len(spans) > self._accounts_max:
            spans.clear()  # simple, and no worse than a new environment
        for account_id, sequence, _, _, _ in accepted:
            span = spans.get(account_id)
            if span is None:
                spans[account_id] = sequence, sequence
            elif sequence > span[1]:
                spans[account_id] = span[0], sequence

    def forget(self, account_id: str) -> None:
        self._spans.pop(account_id, None)
