"""Why an event gets no row, as a tree ordered by what to do about it. Nothing is dropped: what is refused is kept.

account_events.avro.errors.Undecodable    its bytes cannot be read; the kind says why
Refused
├── BadEnvelope               what is around the event is not as Firehose writes it: see what invokes the function
├── UnknownEvent              a later release's event: deploy that, then `account-events lake redrive`
├── OutsidePartitions         dated where the table has no partition: queries would never find it
├── SeveralPartitions         an aggregate whose events belong to several: `account-events lake redrive` takes it apart
└── AnswerFull                no room in the function's answer: `account-events lake redrive`
"""


class Refused(Exception):
    """An event that can be read and is not made a row; the message never quotes an amount."""


class BadEnvelope(Refused):
    """The event may be intact; what Firehose, or whoever invoked the function in its place, wrote around it is not."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The envelope of Firehose's record is wrong, not the event in it: {what}. See what invoked the function; "
            "then `account-events lake redrive`."
        )


class UnknownEvent(Refused):
    """The table knows no such event."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The lake of this release has no place for {name}: deploy the newer release, then redrive.")


class OutsidePartitions(Refused):
    """The event's day is none of the table's."""

    def __init__(self, day: str, arrived: str | None = None) -> None:
        if arrived is None:
            what = "see to its writer's clock, or give the template an earlier LakeFirstDay; then redrive."
        else:
            what = (
                f"by its envelope it arrived on {arrived}, more than a day before. See to the clock of its "
                "writer, or to what invoked the function; then redrive."
            )
        super().__init__(
            f"The event is dated {day}, outside the table's partitions, where no query would find it: {what}"
        )


class SeveralPartitions(Refused):
    """One of Firehose's records can go to one partition only, and this one holds events of several."""

    def __init__(self, events: int, partitions: int) -> None:
        super().__init__(f"An aggregate of {events} events for {partitions} partitions: a redrive takes it apart.")


class AnswerFull(Refused):
    """Lambda takes answers of 6 MB at most."""

    def __init__(self) -> None:
        super().__init__("There was no more room in the function's answer: make Firehose's transform buffer smaller.")
