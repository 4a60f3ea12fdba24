"""The errors of an inbox, as a tree ordered by what the caller does about them.

A record that cannot be decoded raises `account_events.avro.errors.Undecodable`, a tree of its own.

KitError
├── StaleRevision      another worker advanced the account: read its position again (the inbox does that itself)
├── Unavailable        the inbox's store did not answer: nothing is lost, receive the records again
│   └── NotAttempted   there was no time for the records, or the store answered no others: receive them again
├── EffectRefused      a condition of the consumer's own writes failed: the consumer decides what that means
├── Refused            the store will never accept this write: correct the handler; the account waits until then
└── BufferFull         an account has too many out-of-order events: have the account replayed
"""


class KitError(Exception):
    """Base class of the inbox's errors."""


class StaleRevision(KitError):
    """The account's stored position has changed since it was read. Read it again."""


class Unavailable(KitError):
    """The store did not answer in time. The write may have been carried out; receive the records again."""


class NotAttempted(Unavailable):
    """There was no time left, or the store did not answer for other accounts. Receive the records again."""


class EffectRefused(KitError):
    """A condition of the consumer's own writes failed. Neither those writes nor the position were written."""


class Refused(KitError):
    """The write is too large or invalid. Nothing was written, and a retry cannot succeed: correct the handler."""


class BufferFull(KitError):
    """An account's buffer is full. The new events are neither applied nor buffered; the account is reported as a gap.

    Ask the team that runs the account service to replay the account; the message has the command.
    """

    def __init__(self, account_id: str, missing: int, refused: int) -> None:
        super().__init__(
            f"{account_id}: event {missing} has not been applied, and the buffer is full: event {refused} and later "
            "events were not buffered. Ask the team that runs the account service to replay the account: "
            f"`account-events replay --account {account_id} --to-stream STREAM --live`."
        )
