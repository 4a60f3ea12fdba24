"""The errors with which the lake refuses an event, grouped by what to do. Firehose keeps every refused record.

account_events.avro.errors.Undecodable    the event's bytes cannot be read; the subclass names the reason
Refused
├── BadEnvelope               the record is not as Firehose writes it: find out what invokes the function
├── UnknownEvent              an event of a later release: deploy that release, then run `account-events lake redrive`
├── OutsidePartitions         the table has no partition for the event's day, so queries would never find the event
├── SeveralPartitions         an aggregate of events for several partitions: `account-events lake redrive` unpacks it
└── AnswerFull                the row does not fit into the function's answer: run `account-events lake redrive`
"""


class Refused(Exception):
    """The event can be read, but it gets no row. The message never quotes an amount."""


class BadEnvelope(Refused):
    """The envelope is invalid; the event in it may be intact."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Invalid envelope around the event: {what}. Find out what invoked the function instead of Firehose, then "
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
            what = (
                "Correct the clock of the service that wrote it, or deploy the template with an earlier LakeFirstDay."
            )
        else:
            what = (
                f"According to its envelope, it arrived on {arrived}, more than a day earlier. Check the clock of the "
                "service that wrote it, and what invoked the function."
            )
        super().__init__(
            f"The event is dated {day}, outside the table's partitions, where no query would find it. {what} Then run "
            "`account-events lake redrive`."
        )


class SeveralPartitions(Refused):
    """The record contains events of several partitions, but Firehose can write a record to one partition only."""

    def __init__(self, events: int, partitions: int) -> None:
        super().__init__(
            f"The record is an aggregate of {events} events for {partitions} partitions, but Firehose writes a record "
            "to one partition. Run `account-events lake redrive`, which unpacks the aggregate."
        )


class AnswerFull(Refused):
    """The function's answer reached Lambda's limit of 6 MB."""

    def __init__(self) -> None:
        super().__init__(
            "With this record, the function's answer would exceed Lambda's limit of 6 MB. Run "
            "`account-events lake redrive`. If BufferSizeInMBs of the transformation in template.yaml is greater than "
            "0.2, Firehose's minimum, reduce it and deploy."
        )
