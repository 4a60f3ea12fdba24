"""A record processor for the Kinesis Client Library: it has the methods of amazon_kclpy v3's RecordProcessorBase.

    kcl.KCLProcess(KclProcessor(consumer, now=time.time, pause=lambda: time.sleep(1), report=print)).run()

The KCL continues with the next records even if a processor raises (amazon_kclpy ignores every error but SystemExit),
and it never delivers checkpointed records again. So this processor retries until the whole batch is safe, and never
checkpoints past an unsafe record. If the retries fail, it ends the process. The KCL unpacks aggregates itself: several
records then share a sequence number and differ in their sub-sequence numbers. docs/consuming.md has a complete program.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from account_events.consumer.consumer import Consumer, Failure, KinesisRecord, Outcome
from account_events.consumer.errors import NotAttempted
from account_events.consumer.refusals import Refusals

ATTEMPTS_MAX = 100
"""After so many attempts in a row that apply and buffer nothing, the process ends."""
REFUSALS_MAX = 10
"""After so many refusals of an account's events, the inbox buffers them, and the account waits there."""
CHECKPOINTS_MAX = 5
LEASE_LOST = "ShutdownException"
"""The KCL's error for a lost lease (software.amazon.kinesis.exceptions): another worker may read the shard already."""


class NotProcessed(SystemExit):
    """A batch made no progress in ATTEMPTS_MAX attempts. The process ends; the shard's next worker starts with it."""


class NotCheckpointed(Exception):
    """A checkpoint failed CHECKPOINTS_MAX times. Nothing is lost: after a restart, its records are delivered again."""


class _LeaseLost(Exception):
    """Another worker now reads the shard."""


class KclProcessor:
    """Processes the records of one shard.

    Attributes:
        version: the version of the KCL's processor interface.

    Args:
        consumer: receives the records.
        now: returns seconds since 1970.
        pause: called before each retry; it should wait a little.
        report: called with every outcome. If a checkpoint fails, it is called with an outcome that has a
            NotCheckpointed among its failures. A lost lease is not reported: the shard's next worker continues from
            the last checkpoint.
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
        """Do nothing: the KCL knows where to start, and the inbox knows what was applied."""

    def process_records(self, process_records_input: Any) -> None:  # noqa: ANN401 -- the KCL's, untyped
        """Process a batch and checkpoint it.

        Raises:
            NotProcessed: a record is unsafe, and ATTEMPTS_MAX attempts in a row made no progress, or another error
                occurred. Let it end the process.
        """
        with _process_ended_by_errors():
            self._process(process_records_input.records, process_records_input.checkpointer)

    def _process(self, records: Sequence[Any], checkpointer: Any) -> None:  # noqa: ANN401 -- the KCL's, untyped
        remaining = [
            KinesisRecord(record.sequence_number, record.binary_data, record.sub_sequence_number) for record in records
        ]
        refusals, attempts = Refusals(REFUSALS_MAX), 0
        while True:
            outcome = self._consumer.receive(remaining, self._now(), buffer_failures=refusals.accounts)
            self._report(outcome)
            refusals.count(outcome)
            # Accounts that were not attempted must not use up the attempts while others advance.
            attempts = 1 if outcome.applied or outcome.buffered else attempts + 1
            if outcome.checkpoint is not None:
                done = outcome.checkpoint, outcome.checkpoint_sub_sequence_number
                self._checkpoint(checkpointer, *done)
                numbers = [(number, sub_number) for number, _, sub_number in remaining]
                remaining = remaining[numbers.index(done) + 1 :]
            if not outcome.unsafe:
                return
            if attempts >= ATTEMPTS_MAX:
                raise _not_processed(outcome)
            self._pause()

    def lease_lost(self, lease_lost_input: object) -> None:
        """Do nothing: another worker has the shard, and this one must not checkpoint."""

    def shard_ended(self, shard_ended_input: Any) -> None:  # noqa: ANN401 -- the KCL's
        """Checkpoint the end of the shard, so that its children can be read.

        Raises:
            NotProcessed: the checkpoint failed. Let it end the process.
        """
        with _process_ended_by_errors():
            if not self._checkpoint(shard_ended_input.checkpointer):
                raise NotProcessed("the end of the shard could not be checkpointed")

    def shutdown_requested(self, shutdown_requested_input: object) -> None:
        """Do nothing: every batch is checkpointed already."""

    def _checkpoint(self, checkpointer: Any, *numbers: Any) -> bool:  # noqa: ANN401 -- the KCL's, untyped
        """Whether the checkpoint succeeded; a failure is reported. Raises _LeaseLost."""
        failure: Exception | None = None
        for attempt in range(CHECKPOINTS_MAX):
            if attempt:
                self._pause()
            try:
                checkpointer.checkpoint(*numbers)
            except Exception as error:
                if getattr(error, "value", None) == LEASE_LOST:
                    raise _LeaseLost from error
                failure = error
            else:
                return True
        self._report(Outcome(failures=[Failure(None, None, _not_checkpointed(numbers, failure))]))
        return False


def _not_processed(outcome: Outcome) -> NotProcessed:
    unsafe = [each for each in outcome.failures if each.sequence_number is not None]
    failure = next((each for each in unsafe if not isinstance(each.error, NotAttempted)), unsafe[0])
    return NotProcessed(
        f"Record {failure.sequence_number}, sub-sequence number {failure.sub_sequence_number}, cannot be processed: "
        f"{failure.error} {ATTEMPTS_MAX} attempts in a row made no progress."
    )


def _not_checkpointed(numbers: Sequence[Any], cause: Exception | None) -> NotCheckpointed:
    where = "sequence number {}, sub-sequence number {}".format(*numbers) if numbers else "the end of the shard"
    error = NotCheckpointed(
        f"The checkpoint at {where} failed {CHECKPOINTS_MAX} times: {type(cause).__name__}: {cause}. Its records may "
        "be delivered again; the inbox drops duplicates. Check the KCL's lease table for throttling and permissions."
    )
    error.__cause__ = cause
    return error


@contextmanager
def _process_ended_by_errors() -> Iterator[None]:
    """Turn errors into NotProcessed, because amazon_kclpy ignores all but SystemExit. A lost lease is no error."""
    try:
        yield
    except _LeaseLost:
        pass
    except Exception as error:
        raise NotProcessed(f"{type(error).__name__}: {error}") from error
