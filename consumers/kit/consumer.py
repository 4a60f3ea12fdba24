"""A batch of Kinesis records through the inbox, and what may be said to be done of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from consumers.kit.aggregates import unpack
from consumers.kit.errors import Unavailable
from consumers.kit.inbox import Inbox
from consumers.kit.position import Arrival, Gap
from schemas.errors import Undecodable

Effect = TypeVar("Effect")


class KinesisRecord(NamedTuple):
    """Attributes: `sequence_number` is Kinesis' name for the record; `data` is what was put, aggregated or not."""

    sequence_number: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an account, or a record, did not go on.

    Attributes:
        sequence_number: the first record that has to come again. None: none has; the account waits in the inbox, for
            what is missing or for its handler to take what it refused, and is told as a gap.
        account_id: None if the record cannot be read, so that it may be anyone's.
    """

    sequence_number: str | None
    account_id: str | None
    error: Exception


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
        gaps: of all accounts, what has been waited for too long, the oldest; none while the store does not answer.
    """

    applied: int = 0
    duplicates: int = 0
    held: int = 0
    failures: list[Failure] = field(default_factory=list)
    checkpoint: str | None = None
    gaps: Sequence[Gap] = ()

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
        set_aside: called with a record that cannot be read, and why; again, should the record come again. Once it
            returns, the record counts as done, but for a failure without a number: have it kept for whoever finds out
            whose events are in it, and replays those accounts. Nothing else knows that they wait.
            Without it, such a record has to come again, and the shard goes no further.
    """

    def __init__(
        self, inbox: Inbox[Effect], *, set_aside: Callable[[KinesisRecord, Undecodable], object] | None = None
    ) -> None:
        self._inbox, self._set_aside = inbox, set_aside

    def receive(self, records: Iterable[KinesisRecord], now_s: float, *, gives_up: bool = False) -> Outcome:
        """Never raises for what a record holds or the handling of it does.

        Args:
            records: oldest first.
            now_s: seconds since 1970.
            gives_up: for those who read by themselves and have tried often enough: events that the handler refuses are
                held, their accounts wait in the inbox, and their records need not come again.
        """
        outcome = Outcome()
        numbers: list[str] = []
        arrivals: dict[str, list[Arrival]] = {}
        failed: list[tuple[int | None, Failure]] = []
        for record, (number, data) in enumerate(records):
            numbers.append(number)
            try:
                arrived = self._arrivals(KinesisRecord(number, bytes(data)), record)
                if isinstance(arrived, Undecodable):
                    failed.append((None, Failure(None, None, arrived)))
                    continue
                for arrival in arrived:
                    arrivals.setdefault(arrival.event.account_id, []).append(arrival)
            except Exception as error:  # noqa: BLE001 -- Undecodable, or what a registry asked for the schema raises
                # Anyone's events may be in it and in what follows; those would only be held, so all of it comes again.
                failed.append((record, Failure(number, None, error)))
                break
        for account_id, theirs in arrivals.items():
            received = self._inbox.receive(account_id, theirs, now_s, gives_up=gives_up)
            outcome.applied += received.applied
            outcome.duplicates += received.duplicates
            outcome.held += received.held
            if received.error is not None:
                first = None if received.unsafe is None else numbers[received.unsafe]
                failed.append((received.unsafe, Failure(first, account_id, received.error)))
        failed.sort(key=lambda each: len(numbers) if each[0] is None else each[0])
        outcome.failures = [failure for _, failure in failed]
        safe = min((record for record, _ in failed if record is not None), default=len(numbers))
        outcome.checkpoint = numbers[safe - 1] if safe else None
        try:
            outcome.gaps = self._inbox.gaps(now_s)
        except Unavailable:
            pass  # no reason to fail what is done: the next batch asks again
        except Exception as error:  # noqa: BLE001 -- nor is this, but it will not pass
            outcome.failures.append(Failure(None, None, error))
        return outcome

    def _arrivals(self, record: KinesisRecord, number: int) -> list[Arrival] | Undecodable:
        """All of a record's events; or, if it was set aside, why."""
        decode = self._inbox.decoder.decode
        try:
            return [Arrival(decode(each), each, number) for each in unpack(record.data)]
        except Undecodable as error:
            if self._set_aside is None:
                raise
            self._set_aside(record, error)
            return error
