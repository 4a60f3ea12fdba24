"""The projector with parking, ledger and Kinesis in memory, and in virtual time."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, cast

from account_events.avro.encoder import ENCODERS, Encoders
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.mapping import Handler
from account_events.testing.records import StreamRecord
from account_events.testing.table_stream import TableStream
from projector.lanes import Pack, aggregated
from projector.project import BatchResponse, Outcome, Projector
from projector.publish import KinesisPublisher
from projector.settings import PARKING_S, deadline_s
from tests.support.memory_tables import MemoryLedger, MemoryParking
from tests.support.replay import Options, Replayed, of_accounts, replay
from tests.support.rows import has_key, rows_before

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

BUCKETS = 32
ORDER_WINDOW_S = 10.0


class MemoryProjector:
    """The projector with its ports in memory.

    Args:
        kinesis: where the events arrive; it can fail.
        pack: packs the events into records (default: aggregated).
        encoders: frame the events (default: single-object encoding).
        order_window_s: the projector's order window (default: the template's default).
        executor: makes the projector's concurrent requests (default: in the caller's thread).

    Attributes:
        kinesis: where the events arrive.
        outcomes: one for each delivery.
        parking: the parked accounts.
        ledger: the accounts' table, from which the projector reads missing events.
        order_window_s: the order window of the next execution environment.
    """

    def __init__(
        self,
        kinesis: MemoryKinesis | None = None,
        pack: Pack | None = None,
        encoders: Encoders = ENCODERS,
        *,
        order_window_s: float = ORDER_WINDOW_S,
        executor: Executor | None = None,
    ) -> None:
        self.order_window_s = order_window_s
        self._executor = executor or SameThread()
        self.kinesis = kinesis or MemoryKinesis(stream_name="events")
        self.parking, self.ledger = MemoryParking(), MemoryLedger(encoders)
        self._encoders = encoders
        self.outcomes: list[Outcome] = []
        self.publisher = KinesisPublisher(
            cast("KinesisClient", self.kinesis),
            "events",
            pack or aggregated(BUCKETS),
            clock=self.kinesis.clock,
            sleep=self.kinesis.clock.sleep,
            jitter=lambda: 0.5,
        )
        self.restart()

    def restart(self) -> None:
        """Begin a new execution environment, which knows nothing of the old one."""
        self._projector = self._new_projector()

    def deliver(self, records: Sequence[StreamRecord], time_s: float = 25.0) -> BatchResponse:
        """Deliver a batch once; `time_s` is the time that the projector has for its calls."""
        response = self._projector({"Records": records}, self.kinesis.clock() + time_s)
        self.kinesis.assert_accounts_alone()
        return response

    def new_handler(self) -> Handler:
        """The handler of a new execution environment, for `replay`. Environments share parking, ledger and Kinesis."""
        project = self._new_projector()

        def handler(event: dict[str, Any], context: Any) -> BatchResponse:  # noqa: ANN401 -- Lambda's, untyped
            return project(event, deadline_s(self.kinesis.clock(), context.get_remaining_time_in_millis()))

        return handler

    def replay(self, stream: TableStream | Sequence[StreamRecord], **options: Unpack[Options]) -> Replayed:
        """Replay a stream. Its rows are put into the ledger first, as a table has them before its stream does.

        Args:
            stream: what to replay.
            options: as `tests.support.replay.replay` takes them.

        Raises:
            AssertionError, BadReplay: see there.
        """
        damaged = of_accounts(stream)
        for position, damage in (options.pop("poison", None) or {}).items():
            damaged = damaged.poisoned(position, damage)
        images = list(filter(has_key, damaged.images()))
        self.ledger.put([*rows_before(images), *images])
        ledger = [image for rows in self.ledger.rows.values() for image in rows.values()]
        replayed = replay(damaged, new_handler=self.new_handler, kinesis=self.kinesis, ledger=ledger, **options)
        self.kinesis.assert_accounts_alone()
        return replayed

    def _new_projector(self) -> Projector:
        return Projector(
            self.publisher,
            self.parking,
            self.ledger,
            report=self.outcomes.append,
            clock=self.kinesis.clock,
            now=lambda: "2026-01-31T09:30:00+00:00",
            parking_s=PARKING_S,
            executor=self._executor,
            order_window_s=self.order_window_s,
            encoders=self._encoders,
        )


class SameThread(Executor):
    """An executor that makes each call at once in the caller's thread, so that a run depends only on its seed."""

    def submit(
        self, call: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        future = Future[Result]()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- raised again by `result`
            future.set_exception(error)
        return future
