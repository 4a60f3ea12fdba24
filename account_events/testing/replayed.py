"""The settings and the result of a replay: its invocations, its discarded records, and assertions about both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from account_events.lambda_mapping.config import BATCH_SIZE_MAX, MappingConfig
from account_events.lambda_mapping.filters import FilterCriteria
from account_events.testing.context import FUNCTION_NAME
from account_events.testing.record_stream import RecordStream
from account_events.testing.records import STREAM_ARN, StreamRecord, number_of

RETRIES_MAX = 100
EVENTS_ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/events"
LISTED_MAX = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the event source mapping and of the handler's context.

    Attributes:
        reports_item_failures: whether the response's `batchItemFailures` are used; the lowest one is the checkpoint.
        bisects_on_error: whether a batch that failed as a whole is split in two.
        retries_max: how often a batch is retried before its records are discarded.
        filter_patterns: the mapping's filters, in JSON.
        remaining_ms: the remaining time that the handler's context returns.
        discards_allowed: whether records may be discarded; otherwise a discard fails the test.
    """

    reports_item_failures: bool = True
    bisects_on_error: bool = True
    retries_max: int = RETRIES_MAX
    filter_patterns: Sequence[str] = ()
    remaining_ms: int = 60_000
    discards_allowed: bool = False

    def mapping(self, source: Literal["dynamodb", "kinesis"] = "dynamodb") -> MappingConfig:
        return MappingConfig(
            uuid="replay",
            stream_arn=STREAM_ARN if source == "dynamodb" else EVENTS_ARN,
            function_arn=FUNCTION_NAME,
            batch_size=BATCH_SIZE_MAX,
            filters=FilterCriteria.of(self.filter_patterns, source),
            reports_item_failures=self.reports_item_failures,
            bisects_on_error=self.bisects_on_error,
            retry_attempts_max=self.retries_max,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One invocation and its result.

    Attributes:
        shard_id: the records' shard.
        environment: the number of the execution environment, from 1.
        sequence_numbers: the sequence numbers of the records.
        result: what the handler returned.
        error: what the handler raised; `Died` if its environment died.
        acknowledged: how many records, from the start of the batch, are done and will not be delivered again.
    """

    shard_id: str
    environment: int
    sequence_numbers: tuple[str, ...]
    result: Any = None
    error: BaseException | None = None
    acknowledged: int = 0


@dataclass(slots=True)
class Replayed:
    """The result of a replay.

    Attributes:
        stream: the stream that was delivered.
        due: the sequence numbers of the records that the mapping's filters accepted.
        deliveries: every invocation, in order.
        discarded: the records that were discarded after the last retry.
    """

    stream: RecordStream
    due: frozenset[str]
    deliveries: list[Delivery] = field(default_factory=list)
    discarded: list[StreamRecord] = field(default_factory=list)

    @property
    def batches(self) -> list[tuple[str, ...]]:
        """The sequence numbers of every delivery."""
        return [delivery.sequence_numbers for delivery in self.deliveries]

    @property
    def errors(self) -> list[BaseException]:
        """The exceptions of the handler, in order, including `Died`."""
        return [delivery.error for delivery in self.deliveries if delivery.error is not None]

    def assert_all_acknowledged(self) -> None:
        """Assert that the handler acknowledged every record that the filters accepted, and that none was discarded."""
        done = {n for delivery in self.deliveries for n in delivery.sequence_numbers[: delivery.acknowledged]}
        given_up = {number_of(record) for record in self.discarded}
        if open_ := sorted((self.due - done) | given_up, key=int):
            which = "1 record was" if len(open_) == 1 else f"{len(open_)} records were"
            raise AssertionError(f"{which} never acknowledged: {_listed(open_)}")

    def assert_no_failures(self) -> None:
        """Assert that every invocation handled its whole batch at the first attempt."""
        for number, delivery in enumerate(self.deliveries, 1):
            if delivery.error is not None:
                raise AssertionError(f"invocation {number} raised {delivery.error!r}") from delivery.error
            if delivery.acknowledged < len(delivery.sequence_numbers):
                raise AssertionError(f"invocation {number} returned {delivery.result!r}")

    def assert_handled(self, numbers: Iterable[str], *, once: bool = False) -> None:
        """Assert that the handler's effects, named by the sequence numbers of their records, cover the whole stream.

        Each record that was accepted and not discarded must have an effect, after the first effects of all earlier
        records of its shard. No other effects are allowed.

        Args:
            numbers: the sequence numbers, in the order of the effects.
            once: whether each record must have exactly one effect.
        """
        found = list(numbers)
        first = list(dict.fromkeys(found))
        due = self.due - {number_of(record) for record in self.discarded}
        if missing := sorted(due.difference(first), key=int):
            raise AssertionError(f"never handled: {_listed(missing)}")
        if unknown := [number for number in first if number not in self.due]:
            raise AssertionError(f"handled, but not on the stream: {_listed(unknown)}")
        for shard_id, handled in self._by_shard(first).items():
            if (ordered := sorted(handled, key=int)) != handled:
                wrong, right = next((a, b) for a, b in zip(handled, ordered, strict=True) if a != b)
                raise AssertionError(f"shard {shard_id}: {wrong} was handled before {right}")
        if once and len(found) > len(first):
            twice = sorted({number for number in found if found.count(number) > 1}, key=int)
            raise AssertionError(f"handled more than once: {_listed(twice)}")

    def _by_shard(self, numbers: Iterable[str]) -> Mapping[str, list[str]]:
        shards = {number_of(record): shard.shard_id for shard in self.stream.shards for record in shard.records}
        found: dict[str, list[str]] = {}
        for number in numbers:
            found.setdefault(shards[number], []).append(number)
        return found


def _listed(numbers: Sequence[str]) -> str:
    more = len(numbers) - LISTED_MAX
    return ", ".join(numbers[:LISTED_MAX]) + (f" and {more} more" if more > 0 else "")
