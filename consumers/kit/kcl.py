"""A record processor for the Kinesis Client Library (amazon_kclpy v3's RecordProcessorBase, by its methods' names).

    kcl.KCLProcess(KclProcessor(consumer, now=time.time, pause=lambda: time.sleep(1), report=print)).run()

The KCL goes on with the next records whatever a processor does with these, and takes what it checkpoints for done. So
this one tries again until all of a batch is safe, and checkpoints no further than that. The KCL unpacks aggregates
itself: several records then share a sequence number, and have sub-sequence numbers.
"""

from collections.abc import Callable
from typing import Any

from consumers.kit.consumer import Consumer, KinesisRecord, Outcome

ATTEMPTS_MAX = 100


class NotProcessed(Exception):
    """A batch that failed ATTEMPTS_MAX times. It ends the process, so that the lease's next holder begins with it."""


class KclProcessor:
    """One for each shard.

    Args:
        consumer: takes the records.
        now: seconds since 1970.
        pause: waits a little, before what failed is tried again.
        report: told of every outcome.
    """

    def __init__(
        self,
        consumer: Consumer[Any],
        *,
        now: Callable[[], float],
        pause: Callable[[], None],
        report: Callable[[Outcome], None],
    ) -> None:
        self._consumer, self._now, self._pause, self._report = consumer, now, pause, report

    def initialize(self, initialize_input: object) -> None:
        """Nothing to do: where to begin is the KCL's business, what is done the inbox's."""

    def process_records(self, process_records_input: Any) -> None:  # noqa: ANN401 -- the KCL's, untyped
        """Raises NotProcessed: a record stays unsafe."""
        records = process_records_input.records
        numbered = [KinesisRecord(str(number), record.binary_data) for number, record in enumerate(records)]
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                self._pause()
            outcome = self._consumer.receive(numbered, self._now())
            self._report(outcome)
            if outcome.checkpoint is not None:
                last = records[int(outcome.checkpoint)]
                process_records_input.checkpointer.checkpoint(last.sequence_number, last.sub_sequence_number)
                numbered = [each for each in numbered if int(each.sequence_number) > int(outcome.checkpoint)]
            if not outcome.failures:
                return
        raise NotProcessed(f"{outcome.failures[0].error} (record {outcome.failures[0].sequence_number} of the batch)")

    def lease_lost(self, lease_lost_input: object) -> None:
        """Nothing to do: another holder has the shard, and nothing may be checkpointed."""

    def shard_ended(self, shard_ended_input: Any) -> None:  # noqa: ANN401 -- the KCL's
        """All of the shard is processed: its children may be read."""
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input: object) -> None:
        """Nothing to do: what is safe is checkpointed with every batch."""
