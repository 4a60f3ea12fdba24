"""What can go wrong in a consumer, as a tree ordered by what to do about it.

Records that cannot be read raise `account_events.avro.errors.Undecodable`, a tree of its own.

KitError
├── StaleRevision                    another worker has moved the account on: read its position again (the inbox does)
├── Unavailable                  the inbox's store did not answer: nothing is lost, receive the records again
├── EffectRefused                a condition of the consumer's own writes failed: the consumer decides
├── Refused                      the store takes no such write, now and always: correct the handler; its account waits
└── BufferFull                     too much of an account came early: replay the account from the ledger, and it goes on
"""


class KitError(Exception):
    """Anything that goes wrong with an inbox."""


class StaleRevision(KitError):
    """The account's position in the store is no longer the one that was read."""


class Unavailable(KitError):
    """The store did not answer, or not in time. What was asked may have been done."""


class EffectRefused(KitError):
    """The store refused the consumer's own writes; neither they nor the position were written."""


class Refused(KitError):
    """The store refuses what the write holds: it is too large or invalid. Nothing was written; no retry helps."""


class BufferFull(KitError):
    """No more early events of an account can be held; what came is neither applied nor kept, and told as a gap."""

    def __init__(self, account_id: str, missing: int, refused: int) -> None:
        super().__init__(
            f"{account_id}: event {missing} is missing, and there is no room to hold event {refused} and later ones "
            "until it comes: replay the account from the ledger."
        )
