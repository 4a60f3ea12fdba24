"""A batch of Kinesis records through the inbox, and what may be said to be done of it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from consumers.kit.aggregates import unpack
from consumers.kit.errors import Unavailable
from consumers.kit.inbox import Inbox
from consumers.kit.position import Arrival, Gap

Effect = TypeVar("Effect")


class KinesisRecord(NamedTuple):
    """Attributes: `sequence_number` is Kinesis' name for the record; `data` is what was put, aggregated or not."""

    sequence_number: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record has to come again.

    Attributes:
        sequence_number: the first record that is unsafe for the account.
        account_id: None if the record cannot be read, so that it may be anyone's.
    """

    sequence_number: str
    account_id: str | None
    error: Exception


@dataclass(slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        applied: events handed over, each for the first time.
        duplicates: events that were applied or held already.
        held: events that came early and are kept.
        failures: in the order of their records; whatever is not named in one is done.
        checkpoint: the last record before the first failure: all up to it is safe. None: the first one failed.
        gaps: of all accounts, what has been waited for too long; none while the store does not answer.
    """

    applied: int = 0
    duplicates: int = 0
    held: int = 0
    failures: list[Failure] = field(default_factory=list)
    checkpoint: str | None = None
    gaps: Sequence[Gap] = ()


class Consumer(Generic[Effect]):
    """Takes the records of a shard, batch after batch, in the shard's order.

    An account that fails stays where it is, and the others go on. So after a failure take up the shard again from
    `checkpoint`: what was done already is dropped by the inbox.
    """

    def __init__(self, inbox: Inbox[Effect]) -> None:
        self._inbox = inbox

    def receive(self, records: Iterable[KinesisRecord], now_s: float) -> Outcome:
        """Never raises for what a record holds or the handling of it does.

        Args:
            records: oldest first.
            now_s: seconds since 1970.
        """
        outcome = Outcome()
        numbers: list[str] = []
        arrivals: dict[str, list[Arrival]] = {}
        failed: list[tuple[int, Failure]] = []
        for record, (number, data) in enumerate(records):
            numbers.append(number)
            try:
                arrived = self._arrivals(data, record)
            except Exception as error:  # noqa: BLE001 -- Undecodable, or what a registry asked for the schema raises
                # Anyone's events may be in it and in what follows; those would only be held, so all of it comes again.
                failed.append((record, Failure(number, None, error)))
                break
            for arrival in arrived:
                arrivals.setdefault(arrival.event.account_id, []).append(arrival)
        for account_id, theirs in arrivals.items():
            received = self._inbox.receive(account_id, theirs, now_s)
            outcome.applied += received.applied
            outcome.duplicates += received.duplicates
            outcome.held += received.held
            if received.unsafe is not None and received.error is not None:
                failed.append((received.unsafe, Failure(numbers[received.unsafe], account_id, received.error)))
        failed.sort(key=lambda each: each[0])
        outcome.failures = [failure for _, failure in failed]
        safe = failed[0][0] if failed else len(numbers)
        outcome.checkpoint = numbers[safe - 1] if safe else None
        with suppress(Unavailable):  # no reason to fail what is done: the next batch asks again
            outcome.gaps = self._inbox.gaps(now_s)
        return outcome

    def _arrivals(self, data: bytes, record: int) -> list[Arrival]:
        """All of a record's events, or none."""
        decode = self._inbox.decoder.decode
        return [Arrival(decode(each), each, record) for each in unpack(data)]
