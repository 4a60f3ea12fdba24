"""A record processor for the Kinesis Client Library (amazon_kclpy v3's RecordProcessorBase, by its methods' names).

    kcl.KCLProcess(KclProcessor(consumer, now=time.time, pause=lambda: time.sleep(1), report=print)).run()

The KCL goes on with the next records whatever a processor does with these, also if it raises (amazon_kclpy passes over
every error but SystemExit), and takes what it checkpoints for done. So this one tries again until all of a batch is
safe, checkpoints no further than that, and else ends the process. The KCL unpacks aggregates itself: several records
then share a sequence number, and have sub-sequence numbers. docs/consuming.md has a complete program.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from account_events.consumer.consumer import Consumer, Failure, KinesisRecord, Outcome

ATTEMPTS_MAX = 100
REFUSALS_MAX = 10
"""After so many attempts what the handler refuses is held in the inbox, and its account waits there."""
CHECKPOINTS_MAX = 5
LEASE_LOST = "ShutdownException"
"""The KCL's name for it (software.amazon.kinesis.exceptions): another worker may have the shard already."""


class NotProcessed(SystemExit):
    """A batch that failed ATTEMPTS_MAX times. It ends the process, so that the lease's next holder begins with it."""


class NotCheckpointed(Exception):
    """A checkpoint that failed CHECKPOINTS_MAX times. Nothing is lost: what is done comes again after a restart."""


class _LeaseLost(Exception):
    """Whatever is left of the shard belongs to another worker."""


class KclProcessor:
    """One for each shard.

    Attributes:
        version: of the KCL's interface.

    Args:
        consumer: takes the records.
        now: seconds since 1970.
        pause: waits a little, before what failed is tried again.
        report: called with every outcome; a checkpoint that failed is one too, with a NotCheckpointed among its
            failures. A lost lease is no failure: the shard's next holder goes on from the last checkpoint.
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
        with _process_ended_by_errors():
            self._process(process_records_input.records, process_records_input.checkpointer)

    def _process(self, records: Sequence[Any], checkpointer: Any) -> None:  # noqa: ANN401 -- the KCL's, untyped
        left = [
            KinesisRecord(record.sequence_number, record.binary_data, record.sub_sequence_number) for record in records
        ]
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                self._pause()
            outcome = self._consumer.receive(left, self._now(), buffer_failures=attempt >= REFUSALS_MAX)
            self._report(outcome)
            if outcome.checkpoint is not None:
                done = outcome.checkpoint, outcome.checkpoint_sub_sequence_number
                self._checkpoint(checkpointer, *done)
                left = left[[(number, sub_number) for number, _, sub_number in left].index(done) + 1 :]
            if not outcome.unsafe:
                return
        failure = next(each for each in outcome.failures if each.sequence_number is not None)
        raise NotProcessed(
            f"record {failure.sequence_number}, sub-sequence number {failure.sub_sequence_number}: {failure.error}"
        )

    def lease_lost(self, lease_lost_input: object) -> None:
        """Nothing to do: another holder has the shard, and nothing may be checkpointed."""

    def shard_ended(self, shard_ended_input: Any) -> None:  # noqa: ANN401 -- the KCL's
        """All of the shard is processed: its children may be read. Raises NotProcessed if that cannot be recorded."""
        with _process_ended_by_errors():
            if not self._checkpoint(shard_ended_input.checkpointer):
                raise NotProcessed("the end of the shard could not be checkpointed")

    def shutdown_requested(self, shutdown_requested_input: object) -> None:
        """Nothing to do: what is safe is checkpointed with every batch."""

    def _checkpoint(self, checkpointer: Any, *place: Any) -> bool:  # noqa: ANN401 -- the KCL's, untyped
        """Whether it was taken; if not, that is reported, and what is done may come again. Raises _LeaseLost."""
        failure: Exception | None = None
        for attempt in range(CHECKPOINTS_MAX):
            if attempt:
                self._pause()
            try:
                checkpointer.checkpoint(*place)
            except Exception as error:
                if getattr(error, "value", None) == LEASE_LOST:
                    raise _LeaseLost from error
                failure = error
            else:
                return True
        self._report(Outcome(failures=[Failure(None, None, _not_checkpointed(place, failure))]))
        return False


def _not_checkpointed(place: Sequence[Any], cause: Exception | None) -> NotCheckpointed:
    where = "sequence number {}, sub-sequence number {}".format(*place) if place else "the end of the shard"
    error = NotCheckpointed(
        f"The checkpoint at {where} failed {CHECKPOINTS_MAX} times: {type(cause).__name__}: {cause}. What is done may "
        "be delivered again, and the inbox drops it. Check the KCL's lease table: throttling, permissions, existence."
    )
    error.__cause__ = cause
    return error


@contextmanager
def _process_ended_by_errors() -> Iterator[None]:
    """Since amazon_kclpy passes over all else. Once the lease is lost, what is inside is left to its next holder."""
    try:
        yield
    except _LeaseLost:
        pass
    except Exception as error:
        raise NotProcessed(f"{type(error).__name__}: {error}") from error
