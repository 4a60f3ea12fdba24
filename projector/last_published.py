"""How far each account is published, as far as this execution environment knows."""

from collections.abc import Iterable

from projector.outgoing import Outgoing

ACCOUNTS_MAX = 100_000


class LastPublished:
    """By account the last sequence that Kinesis accepted here; nothing about accounts not met, or forgotten.

    It may be behind, where other environments have published since. It is never ahead.
    """

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._sequences: dict[str, int] = {}
        self._accounts_max = accounts_max
        self.get = self._sequences.get

    def update(self, accepted: Iterable[Outgoing]) -> None:
        """Args: `accepted`, of each account in sequence."""
        if len(self._sequences) > self._accounts_max:
            self._sequences.clear()  # all at once: simple, and only as if the environment were new
        self._sequences.update([(event.account_id, event.sequence) for event in accepted])

    def forget(self, account_id: str) -> None:
        self._sequences.pop(account_id, None)
