"""A table stream delivered to the projector as Lambda delivers it, in milliseconds.

Its rules for ReportBatchItemFailures: the lowest reported record is the checkpoint; it and everything behind it in the
batch are delivered again, before anything else; an identifier that is not in the batch fails the whole batch
(docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from projector.lanes import Pack, aggregated
from projector.parse import Batch
from projector.project import BatchResponse, Looked, Outcome, Projector
from projector.publish import KinesisPublisher
from schemas.codec import DomainEvent
from schemas.encoder import ENCODERS, Encoders
from tests.fake_kinesis import FakeKinesis
from tests.memory_tables import MemoryLedger, MemoryParking
from tests.stream_records import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

RECORDINGS = Path(__file__).parent / "golden" / "streams"
DELIVERIES_MAX = 100
BUCKETS = 32


class StreamReplay:
    """Delivers records to the projector and keeps what it said.

    Attributes:
        outcomes: one for each delivery.
        kinesis: where the events arrive.
        parking: the parked accounts.
        ledger: the table, for events that are missing in the stream.
    """

    def __init__(
        self, kinesis: FakeKinesis | None = None, pack: Pack | None = None, encoders: Encoders = ENCODERS
    ) -> None:
        self.kinesis = kinesis or FakeKinesis()
        self.parking, self.ledger = MemoryParking(), MemoryLedger(encoders)
        self._encoders = encoders
        self.outcomes: list[Outcome] = []
        self.publisher = KinesisPublisher(
            cast("KinesisClient", self.kinesis),
            "events",
            pack or aggregated(BUCKETS),
            clock=self.kinesis.clock,
            sleep=self.kinesis.clock.sleep,
            roll=lambda: 0.5,
        )
        self.restart()

    def restart(self) -> None:
        """A new execution environment: what the old one knew is gone."""
        self._projector = Projector(
            self.publisher,
            self.parking,
            self.ledger,
            report=self.outcomes.append,
            clock=self.kinesis.clock,
            now=lambda: "2026-01-31T09:30:00+00:00",
            parking_s=5.0,
            beside=in_turn,
            encoders=self._encoders,
        )

    def deliver(self, records: Sequence[StreamRecord], time_s: float = 25.0) -> BatchResponse:
        """One delivery of one batch; Lambda leaves the projector `time_s` for its calls."""
        return self._projector({"Records": records}, self.kinesis.clock() + time_s)

    def run(self, records: Sequence[StreamRecord], batch_size: int) -> list[DomainEvent]:
        """Delivers all records in batches of at most `batch_size`; answers with what is then on the stream.

        Raises:
            AssertionError: a batch was not done after `DELIVERIES_MAX` deliveries.
        """
        for start in range(0, len(records), batch_size):
            batch = records[start : start + batch_size]
            for _ in range(DELIVERIES_MAX):
                batch = remainder(batch, self.deliver(batch))
                if not batch:
                    break
            assert not batch, f"never published: {[record['dynamodb']['SequenceNumber'] for record in batch]}"
        return self.kinesis.events()


def in_turn(there: Looked, here: Callable[[], Batch]) -> tuple[Looked, Batch]:
    """Both in one thread, so that a story depends on nothing but its seed: the call when its result is asked for."""
    return there, here()


def remainder(batch: Sequence[StreamRecord], response: BatchResponse) -> Sequence[StreamRecord]:
    """What Lambda delivers again."""
    reported = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    if not reported:
        return []
    if not reported <= set(numbers):
        return batch
    return batch[numbers.index(min(reported, key=int)) :]


def recording(name: str) -> list[StreamRecord]:
    """The records of `tests/golden/streams/<name>.json`, in stream order."""
    records: list[StreamRecord] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return records
