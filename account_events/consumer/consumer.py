"""A batch of Kinesis records through the inbox, and what may be said to be done of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import Undecodable
from account_events.consumer.inbox import Inbox
from account_events.consumer.position import Arrival, Gap

Effect = TypeVar("Effect")


class KinesisRecord(NamedTuple):
    """A record as its adapter received it.

    Attributes:
        sequence_number: Kinesis's own, unique in its shard but for the parts of an aggregate.
        data: what was put, aggregated or not.
        sub_sequence_number: which part of an aggregate it is, where the KCL has already unpacked it. Both numbers
            together then identify the record.
    """

    sequence_number: str
    data: bytes
    sub_sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an account, or a record, did not go on.

    Attributes:
        sequence_number: the first record that has to come again. None: none has; the account waits in the inbox, for
            what is missing or for its handler to take what it refused, and is told as a gap.
        account_id: None if the record cannot be read, so that it may be anyone's.
        sub_sequence_number: see KinesisRecord; None where that has none.
    """

    sequence_number: str | None
    account_id: str | None
    error: Exception
    sub_sequence_number: int | None = None


@dataclass(slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        applied: events handed over, each for the first time.
        duplicates: events that were applied or held already.
        held: events that came early and are kept.
        failures: in the order of their records. Behind one that cannot be read nothing is done; of an account that
            failed, nothing from its record on. Whatever else was in the batch is done.
        checkpoint: the last record in front of all that has to come again. None: the first one has to.
        gaps: of all accounts, what has been waited for too long, the oldest. If they cannot be queried, none, and a
            failure without a number.
        checkpoint_sub_sequence_number: see KinesisRecord; None where the checkpoint's record has none.
    """

    applied: int = 0
    duplicates: int = 0
    held: int = 0
    failures: list[Failure] = field(default_factory=list)
    checkpoint: str | None = None
    gaps: Sequence[Gap] = ()
    checkpoint_sub_sequence_number: int | None = None

    @property
    def unsafe(self) -> list[str]:
        """The records that have to come again, each account's first one, without repetition."""
        numbers = (failure.sequence_number for failure in self.failures)
        return list(dict.fromkeys(number for number in numbers if number is not None))


class Consumer(Generic[Effect]):
    """Takes the records of a shard, batch after batch, in the shard's order.

    An account that fails stays where it is, and the others go on. So after a failure take up the shard again from
    `checkpoint`: what was done already is dropped by the inbox.

    Args:
        inbox: hands over the events.
        dead_letter: called with a record that cannot be read, and why; again, should the record come again. Once it
            returns, the record counts as done, but for a failure without a number: have it kept for whoever finds out
            whose events are in it, and replays those accounts. Nothing else knows that they wait.
            Without it, such a record has to come again, and the shard goes no further.
    """

    def __init__(
        self, inbox: Inbox[Effect], *, dead_letter: Callable[[KinesisRecord, Undecodable], object] | None = None
    ) -> None:
        self._inbox, self._dead_letter = inbox, dead_letter

    def receive(self, records: Iterable[KinesisRecord], now_s: float, *, buffer_failures: bool = False) -> Outcome:
        """Never raises for what a record holds or the handling of it does.

        Args:
            records: oldest first.
            now_s: seconds since 1970.
            buffer_failures: for a reader that has retried often enough. Events that the handler refuses are buffered,
                their accounts wait in the inbox, and their records need not be delivered again.
        """
        outcome = Outcome()
        batch: list[KinesisRecord] = []
        arrivals: dict[str, list[Arrival]] = {}
        failed: list[tuple[int | None, Failure]] = []
        for index, record in enumerate(records):
            batch.append(record)
            try:
                arrived = self._arrivals(record._replace(data=bytes(record.data)), index)
                if isinstance(arrived, Undecodable):
                    failed.append((None, Failure(None, None, arrived)))
                    continue
                for arrival in arrived:
                    arrivals.setdefault(arrival.event.account_id, []).append(arrival)
            except Exception as error:  # noqa: BLE001 -- Undecodable, or what a registry asked for the schema raises
                # Anyone's events may be in it and in what follows; those would only be held, so all of it comes again.
                failed.append((index, _failure(record, None, error)))
                break
        for account_id, theirs in arrivals.items():
            received = self._inbox.receive(account_id, theirs, now_s, buffer_failures=buffer_failures)
            outcome.applied += received.applied
            outcome.duplicates += received.duplicates
            outcome.held += received.held
            if received.error is not None:
                first = None if received.unsafe is None else batch[received.unsafe]
                failed.append((received.unsafe, _failure(first, account_id, received.error)))
        failed.sort(key=lambda each: len(batch) if each[0] is None else each[0])
        outcome.failures = [failure for _, failure in failed]
        safe = min((index for index, _ in failed if index is not None), default=len(batch))
        if safe:
            outcome.checkpoint, _, outcome.checkpoint_sub_sequence_number = batch[safe - 1]
        try:
            outcome.gaps = self._inbox.gaps(now_s)
        except Exception as error:  # noqa: BLE001 -- no reason to fail what is done: the next batch asks again
            outcome.failures.append(Failure(None, None, error))
        return outcome

    def _arrivals(self, record: KinesisRecord, number: int) -> list[Arrival] | Undecodable:
        """All of a record's events; or, if it was set aside, why."""
        decode = self._inbox.decoder.decode
        try:
            return [Arrival(decode(each), each, number) for each in unpack(record.data)]
        except Undecodable as error:
            if self._dead_letter is None:
                raise
            self._dead_letter(record, error)
            return error


def _failure(record: KinesisRecord | None, account_id: str | None, error: Exception) -> Failure:
    if record is None:
        return Failure(None, account_id, error)
    return Failure(record.sequence_number, account_id, error, record.sub_sequence_number)
