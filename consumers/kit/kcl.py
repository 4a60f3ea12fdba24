"""A record processor for the Kinesis Client Library (amazon_kclpy v3's RecordProcessorBase, by its methods' names).

    kcl.KCLProcess(KclProcessor(consumer, now=time.time, pause=lambda: time.sleep(1), report=print)).run()

The KCL goes on with the next records whatever a processor does with these, also if it raises (amazon_kclpy passes over
every error but SystemExit), and takes what it checkpoints for done. So this one tries again until all of a batch is
safe, checkpoints no further than that, and else ends the process. The KCL unpacks aggregates itself: several records
then share a sequence number, and have sub-sequence numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any

from consumers.kit.consumer import Consumer, KinesisRecord, Outcome

ATTEMPTS_MAX = 100
REFUSALS_MAX = 10
"""After so many attempts what the handler refuses is held in the inbox, and its account waits there."""
CHECKPOINTS_MAX = 5


class NotProcessed(SystemExit):
    """A batch that failed ATTEMPTS_MAX times. It ends the process, so that the lease's next holder begins with it."""


class KclProcessor:
    """One for each shard.

    Attributes:
        version: of the KCL's interface.

    Args:
        consumer: takes the records.
        now: seconds since 1970.
        pause: waits a little, before what failed is tried again.
        report: told of every outcome.
    """

    version = 3

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
        """Raises NotProcessed, and nothing else: a record stays unsafe, or something around it fails."""
        try:
            self._process(process_records_input.records, process_records_input.checkpointer)
        except Exception as error:
            raise NotProcessed(f"{type(error).__name__}: {error}") from error

    def _process(self, records: Sequence[Any], checkpointer: Any) -> None:  # noqa: ANN401 -- the KCL's, untyped
        numbered = [KinesisRecord(str(number), record.binary_data) for number, record in enumerate(records)]
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                self._pause()
            outcome = self._consumer.receive(numbered, self._now(), gives_up=attempt >= REFUSALS_MAX)
            self._report(outcome)
            if outcome.checkpoint is not None:
                last = records[int(outcome.checkpoint)]
                self._checkpoint(checkpointer, last.sequence_number, last.sub_sequence_number)
                numbered = [each for each in numbered if int(each.sequence_number) > int(outcome.checkpoint)]
            if not outcome.unsafe:
                return
        failure = next(each for each in outcome.failures if each.sequence_number is not None)
        raise NotProcessed(f"{failure.error} (record {failure.sequence_number} of the batch)")

    def lease_lost(self, lease_lost_input: object) -> None:
        """Nothing to do: another holder has the shard, and nothing may be checkpointed."""

    def shard_ended(self, shard_ended_input: Any) -> None:  # noqa: ANN401 -- the KCL's
        """All of the shard is processed: its children may be read."""
        if not self._checkpoint(shard_ended_input.checkpointer):
            raise NotProcessed("the end of the shard could not be checkpointed")

    def shutdown_requested(self, shutdown_requested_input: object) -> None:
        """Nothing to do: what is safe is checkpointed with every batch."""

    def _checkpoint(self, checkpointer: Any, *place: Any) -> bool:  # noqa: ANN401 -- the KCL's, untyped
        """Whether it was taken: it may be throttled, or the lease lost. Then what is done comes again."""
        for attempt in range(CHECKPOINTS_MAX):
            if attempt:
                self._pause()
            try:
                checkpointer.checkpoint(*place)
            except Exception:  # noqa: BLE001, S112 -- amazon_kclpy's CheckpointError, which is not imported here
                continue
            return True
        return False
