"""The projector's errors, grouped by what must be done about them.

ProjectorError
├── NotATableStream   the payload is not a batch of a table's stream: the whole batch fails; correct what invokes it
├── Unpublishable     this event can never become a Kinesis record: its account is parked; correct the row or the code
├── Refused           DynamoDB always refuses the content of this request: the account in question is parked
└── Unavailable       DynamoDB did not answer in time, or needs a repair: the affected records are delivered again

A refusal by Kinesis is part of the outcome, not an error: the records are sent again, and reported if Kinesis still
does not accept them. No message quotes an amount, so every message may be logged.
"""


class ProjectorError(Exception):
    """Base class of all errors that the projector raises."""


class NotATableStream(ProjectorError):
    """The payload lacks a field that every DynamoDB stream record has."""


class Unpublishable(ProjectorError):
    """The event's row was read but cannot become a Kinesis record; a retry does not help."""


class Refused(ProjectorError):
    """DynamoDB does not accept such a key or value; the same request never succeeds."""


class Unavailable(ProjectorError):
    """The accounts' table or the parked accounts could not be read or written now."""
