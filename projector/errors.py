"""What can go wrong in the projector, as a tree ordered by what must be done.

ProjectorError
├── NotATableStream   the invocation is no batch of a table stream: correct the trigger; the whole batch fails
├── Unpublishable     this one event can never become a record: correct the row or the code; its account is parked
├── Refused           DynamoDB refuses what a request holds, now and always: park the account that it is about
└── Unavailable       DynamoDB did not answer in time, or not before a repair: what depends on it is delivered again

What Kinesis refuses is no error here but part of the outcome: it is tried again, and reported if that does not help.
No message quotes an amount, so every one of them may be logged.
"""


class ProjectorError(Exception):
    """Anything the projector raises of its own."""


class NotATableStream(ProjectorError):
    """The invocation's payload lacks what every DynamoDB stream record has."""


class Unpublishable(ProjectorError):
    """The event's row was read and yet no record can be made of it; no retry can help."""


class Refused(ProjectorError):
    """DynamoDB takes no such key or value; the same request never succeeds."""


class Unavailable(ProjectorError):
    """The table, or the parked accounts, could not be read or written just now."""
