"""Applies batches of Kinesis records through the inbox and reports which records are safe to checkpoint."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import Undecodable
from account_events.consumer.errors import NotAttempted
from account_events.consumer.inbox import Inbox
from account_events.consumer.position import Arrival, Gap
from account_events.consumer.receiving import Receiving, Unanswered, in_order
from account_events.consumer.workers import CallingThread, Workers

Effect = TypeVar("Effect")


class KinesisRecord(NamedTuple):
    """A record as an adapter received it.

    Attributes:
        sequence_number: assigned by Kinesis; unique in its shard, except for the user records of one aggregate.
        data: the record's bytes, aggregated or not.
        sub_sequence_number: the index in the aggregate, if the KCL has already unpacked it. Both numbers together then
            identify the record.
    """

    sequence_number: str
    data: bytes
    sub_sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an account, or a record, could not be processed.

    Attributes:
        sequence_number: the first record to redeliver. If it is None, no record has to be redelivered: the dead-letter
            callback has stored the record, or the account waits in the inbox, for a missing event or for a handler that
            accepts the next one, and is reported as a gap.
        account_id: None if the record cannot be decoded, because it may contain events of any account; also None with a
            NotAttempted, which stands for all accounts that were not received.
        error: an error of `account_events.consumer.errors` or `account_events.avro.errors`, whose class states what to
            do about it, or your handler's own exception.
        sub_sequence_number: the sub-sequence number of the record to redeliver; see KinesisRecord.
    """

    sequence_number: str | None
    account_id: str | None
    error: Exception
    sub_sequence_number: int | None = None


@dataclass(slots=True)
class Outcome:
    """The result of receiving a batch.

    Attributes:
        applied: how many events were applied.
        duplicates: how many events were applied or buffered before.
        buffered: how many events arrived out of order and were buffered.
        failures: in the order of their records. After a record that cannot be decoded, no record is processed; after a
            failure of an account, none of that account's events is applied. Everything else in the batch is processed,
            unless the time ends or the store no longer answers. One failure with a NotAttempted then stands for the
            rest.
        checkpoint: the sequence number of the last record before the first one to redeliver; None if the batch is empty
            or its first record has to be redelivered.
        gaps: the accounts that have waited too long, also those of earlier batches; the longest wait first. If they
            cannot be queried, the list is empty and a failure without a sequence number is reported.
        checkpoint_sub_sequence_number: the sub-sequence number of the checkpoint's record; see KinesisRecord.
    """

    applied: int = 0
    duplicates: int = 0
    buffered: int = 0
    failures: list[Failure] = field(default_factory=list)
    checkpoint: str | None = None
    gaps: Sequence[Gap] = ()
    checkpoint_sub_sequence_number: int | None = None

    @property
    def unsafe(self) -> list[str]:
        """The sequence numbers of the records to redeliver: the first one per failure, without repetition."""
        numbers = (failure.sequence_number for failure in self.failures)
        return list(dict.fromkeys(number for number in numbers if number is not None))


_Failed = tuple[int | None, Failure]
"""A failure, and the index of its record."""


class Consumer(Generic[Effect]):
    """Receives the records of a shard, batch by batch, in order.

    If an account fails, the other accounts still advance. After a failure, read the shard again, starting after
    `Outcome.checkpoint`: the inbox drops the events that it has already processed.

    Args:
        inbox: applies the events.
        dead_letter: called with a record that cannot be decoded and with its error; called again if the record is
            delivered again. Store the record, find out which accounts have events in it, and have those accounts
            replayed (docs/consuming.md): the inbox does not know that their events are missing. When the callback
            returns, the record counts as processed, and its failure has no sequence number. Without a callback the
            record must be redelivered, and it blocks its shard.
        workers: carry out the calls of the inbox's store; by default, one after the other in the calling thread. With
            `Threads`, several accounts of a batch advance at a time. The store must then be thread-safe, as
            DynamoDBInbox is. `handle` is called in the calling thread only.
    """

    def __init__(
        self,
        inbox: Inbox[Effect],
        *,
        dead_letter: Callable[[KinesisRecord, Undecodable], object] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._inbox, self._dead_letter, self._workers = inbox, dead_letter, workers or CallingThread()
        self._unanswered = Unanswered()

    def receive(
        self,
        records: Iterable[KinesisRecord],
        now_s: float,
        *,
        buffer_failures: bool | Collection[str] = False,
        time_left_s: Callable[[], float] | None = None,
        grace_s: float = 0.0,
    ) -> Outcome:
        """Apply a batch. Errors in a record or in its handling are returned in `Outcome.failures`, never raised.

        Args:
            records: oldest first.
            now_s: seconds since 1970.
            buffer_failures: set it after enough retries, for all accounts or for some. Events that the handler refuses
                are then buffered, their accounts wait in the inbox, and their records need not be delivered again.
            time_left_s: returns how many seconds are left. Once it returns 0 or less, no call of the store begins, and
                the records that are not processed have to be redelivered.
            grace_s: how many seconds longer the store's calls in progress are awaited, if `workers` are threads.
        """
        batch: list[KinesisRecord] = []
        failed: list[_Failed] = []
        arrivals = self._read(records, batch, failed)
        receiving = Receiving(
            self._inbox,
            arrivals,
            self._unanswered.ordered(arrivals),
            now_s,
            buffer_failures=buffer_failures,
            workers=self._workers,
            time_left_s=time_left_s,
            grace_s=grace_s,
        )
        receiving.run()
        outcome = Outcome()
        not_attempted: list[int] = []
        results = list(in_order(receiving, arrivals))
        self._unanswered.note(results)
        for account_id, received in results:
            outcome.applied += received.applied
            outcome.duplicates += received.duplicates
            outcome.buffered += received.buffered
            if isinstance(received.error, NotAttempted) and received.unsafe is not None:
                not_attempted.append(received.unsafe)
            elif received.error is not None:
                first = None if received.unsafe is None else batch[received.unsafe]
                failed.append((received.unsafe, _failure(first, account_id, received.error)))
        if not_attempted:
            error = receiving.not_attempted(len(not_attempted))
            failed.append((index := min(not_attempted), _failure(batch[index], None, error)))
        failed.sort(key=lambda each: len(batch) if each[0] is None else each[0])
        outcome.failures = [failure for _, failure in failed]
        safe = min((index for index, _ in failed if index is not None), default=len(batch))
        if safe:
            outcome.checkpoint, _, outcome.checkpoint_sub_sequence_number = batch[safe - 1]
        if receiving.is_out_of_time:
            error = NotAttempted("There was no time left to query the gaps: the next batch queries them.")
            outcome.failures.append(Failure(None, None, error))
            return outcome
        try:
            outcome.gaps = self._inbox.gaps(now_s)
        except Exception as error:  # noqa: BLE001 -- the batch itself succeeded, and the next one queries again
            outcome.failures.append(Failure(None, None, error))
        return outcome

    def _read(
        self, records: Iterable[KinesisRecord], batch: list[KinesisRecord], failed: list[_Failed]
    ) -> dict[str, list[Arrival]]:
        """Each account's arrivals, up to the first record that cannot be decoded. Fills `batch` and `failed`."""
        arrivals: dict[str, list[Arrival]] = {}
        for index, record in enumerate(records):
            batch.append(record)
            try:
                arrived = self._arrivals(record._replace(data=bytes(record.data)), index)
            except Exception as error:  # noqa: BLE001 -- Undecodable, or an error of the codec's schema registry
                # This record may contain events of any account, so later events might only be buffered: redeliver all.
                failed.append((index, _failure(record, None, error)))
                break
            if isinstance(arrived, Undecodable):
                failed.append((None, Failure(None, None, arrived)))
                continue
            for arrival in arrived:
                arrivals.setdefault(arrival.event.account_id, []).append(arrival)
        return arrivals

    def _arrivals(self, record: KinesisRecord, index: int) -> list[Arrival] | Undecodable:
        """The record's events, or the error if the record went to the dead-letter callback."""
        decode = self._inbox.decoder.decode
        try:
            return [Arrival(decode(each), each, index) for each in unpack(record.data)]
        except Undecodable as error:
            if self._dead_letter is None:
                raise
            self._dead_letter(record, error)
            return error


def _failure(record: KinesisRecord | None, account_id: str | None, error: Exception) -> Failure:
    if record is None:
        return Failure(None, account_id, error)
    return Failure(record.sequence_number, account_id, error, record.sub_sequence_number)
