"""A service that reads the stream with the consumer kit."""

from collections.abc import Sequence
from random import Random

from account_events.consumer import Consumer, Decoder, Event, Inbox, KinesisRecord, MemoryInbox
from tests.simulation.projector.oracle import PromiseBroken

DECODER = Decoder()


def applied(records: Sequence[bytes], random: Random) -> dict[str, list[int]]:
    """Return the sequences of the events that the service applies, by account, in order.

    Args:
        records: all Kinesis records in the order of arrival, with repetitions.
        random: chooses the batch size.
    """
    sequences: dict[str, list[int]] = {}

    def handle(events: Sequence[Event]) -> None:
        for event in events:
            sequences.setdefault(event.account_id, []).append(event.sequence)

    consumer = Consumer(Inbox(MemoryInbox(), handle, decoder=DECODER))
    batch = random.choice((1, 7, 1000))
    for start in range(0, len(records), batch):
        numbered = [KinesisRecord(str(number), data) for number, data in enumerate(records[start : start + batch])]
        failures = consumer.receive(numbered, 0.0).failures
        if failures:
            raise PromiseBroken(f"a consumer cannot apply the events on the stream: {failures}")
    return sequences
