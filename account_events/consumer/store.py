"""What an inbox needs of its store: DynamoDBInbox, MemoryInbox or a class of your own."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from account_events.consumer.position import Gap, Position

Effect_contra = TypeVar("Effect_contra", contravariant=True)

POSITIONS_MAX = 100
"""Per batched read: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html."""


class InboxStore(Protocol[Effect_contra]):
    """Stores the positions of accounts.

    If the consumer has threads (`account_events.consumer.workers`), they call the store, each for a different account.
    """

    def position(self, account_id: str) -> Position:
        """The account's position, read with strong consistency; `Position()` for a new account.

        Raises:
            Unavailable: the store did not answer.
        """

    def advance(self, account_id: str, before: Position, after: Position, effect: Effect_contra | None) -> None:
        """Replace `before` with `after` and carry out the effect, atomically.

        Args:
            account_id: the account.
            before: as `position` returned it.
            after: the new position; its revision is one higher.
            effect: what `Handle` returned; None if it was not called.

        Raises:
            StaleRevision: the account's position is no longer `before`.
            Unavailable: the store did not answer; the write may have been carried out.
            EffectRefused: a condition of the effect failed; nothing was written.
            Refused: the write is too large or invalid; nothing was written.
        """

    def gaps(self, before_s: float) -> Sequence[Gap]:
        """The accounts that have waited since `before_s` (seconds since 1970) or longer.

        The longest waits come first, at most `account_events.consumer.position.GAPS_MAX`.

        Raises:
            Unavailable: the store did not answer.
        """


@runtime_checkable
class BatchedReads(Protocol):
    """A method that an InboxStore may have: a consumer with threads then reads many positions with one request."""

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        """The accounts' positions, each as `InboxStore.position` returns it.

        Args:
            account_ids: at most POSITIONS_MAX, each once.

        Returns:
            The positions that the store returned. The inbox reads the others one by one.

        Raises:
            Unavailable: the store did not answer.
            Refused: the request is invalid. The inbox reads the positions one by one.
        """
