"""Why the lake refuses an event, as a tree ordered by what to do. Firehose keeps every refused record.

account_events.avro.errors.Undecodable    the event's bytes cannot be read; the subclass names the reason
Refused
├── BadEnvelope               the record is not as Firehose writes it: find out what invokes the function
├── UnknownEvent              an event of a later release: deploy it, then run `account-events lake redrive`
├── OutsidePartitions         dated where the table has no partition, so queries would never find it
├── SeveralPartitions         an aggregate of events for several partitions: `account-events lake redrive` unpacks it
└── AnswerFull                the function's answer is full: run `account-events lake redrive`
"""


class Refused(Exception):
    """The event can be read, but it gets no row. The message never quotes an amount."""


class BadEnvelope(Refused):
    """The envelope is invalid; the event in it may be intact."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Invalid envelope around the event: {what}. Find out what invoked the function in place of Firehose, then "
            "run `account-events lake redrive`."
        )


class UnknownEvent(Refused):
    """The table of this release has no such event type."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"This release does not know the event {name}. Deploy the release that does, then run "
            "`account-events lake redrive`."
        )


class OutsidePartitions(Refused):
    """The table has no partition for the event's day."""

    def __init__(self, day: str, arrived: str | None = None) -> None:
        if arrived is None:
            what = "Correct the clock of its writer, or deploy the template with an earlier LakeFirstDay."
        else:
            what = (
                f"By its envelope, it arrived on {arrived}, more than a day earlier. Check the clock of its "
                "writer, and what invoked the function."
            )
        super().__init__(
            f"The event is dated {day}, outside the table's partitions, where no query would find it. {what} Then run "
            "`account-events lake redrive`."
        )


class SeveralPartitions(Refused):
    """The record holds events of several partitions, but Firehose can write it to one only."""

    def __init__(self, events: int, partitions: int) -> None:
        super().__init__(
            f"An aggregate of {events} events for {partitions} partitions. Run `account-events lake redrive`, which "
            "unpacks it."
        )


class AnswerFull(Refused):
    """The function's answer reached Lambda's limit of 6 MB."""

    def __init__(self) -> None:
        super().__init__(
            "The function's answer is full. Make Firehose's transform buffer smaller, then run "
            "`account-events lake redrive`."
        )
