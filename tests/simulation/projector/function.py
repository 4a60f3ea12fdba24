"""The projector function: an execution environment that outlives deliveries, and what it must remember."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from account_events.lambda_mapping.outcome import Invoked
from account_events.lambda_mapping.records import StreamRecord, lambda_event
from projector.lanes import Pack
from projector.project import Outcome, Projector
from projector.publish import KinesisPublisher
from projector.settings import PARKING_S, deadline_s
from tests.simulation.projector.callers import Function
from tests.simulation.projector.fault_plan import Crashed, FaultPlan
from tests.simulation.projector.fixtures import Event
from tests.simulation.projector.kinesis import Client, Kinesis
from tests.simulation.projector.oracle import Delivery, Oracle
from tests.simulation.projector.tables import CheckedParking, UnsteadyLedger, UnsteadyParking
from tests.support.memory_projector import SameThread
from tests.support.memory_tables import MemoryLedger

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

TIMEOUT_S = 60.0
LITTLE_TIME_S = 14.0, 16.0
"""The time left after a slow start; the projector reserves 14 s (`settings.SAFETY_MARGIN_S`)."""


class Environment:
    """An execution environment that runs the real projector.

    Attributes:
        known: the accounts whose published events the environment must remember, with the first such event of each.
    """

    def __init__(
        self,
        fault_plan: FaultPlan,
        oracle: Oracle,
        *,
        kinesis: Kinesis,
        parking: CheckedParking,
        ledger: MemoryLedger,
        pack: Pack,
        call_records_max: int,
        order_window_s: float,
    ) -> None:
        self._fault_plan = fault_plan
        self._oracle = oracle
        self._parking = parking
        self.known: dict[str, int] = {}
        function = Function(fault_plan)
        self._projector = Projector(
            KinesisPublisher(
                cast("KinesisClient", Client(kinesis, fault_plan, function)),
                "events",
                pack,
                clock=fault_plan.clock,
                sleep=fault_plan.clock.sleep,
                jitter=fault_plan.random.random,
                call_records_max=call_records_max,
            ),
            UnsteadyParking(parking, oracle, fault_plan, function),
            UnsteadyLedger(ledger, fault_plan, function),
            report=self._report,
            clock=fault_plan.clock,
            now=lambda: "2026-01-31T09:30:00+00:00",
            parking_s=PARKING_S,
            executor=SameThread(),
            order_window_s=order_window_s,
        )

    def invoke(self, records: Sequence[StreamRecord], events: Iterable[Event]) -> Invoked:
        """Deliver a batch. Raises Killed if the environment ends."""
        fault_plan = self._fault_plan
        time_s = fault_plan.random.uniform(*LITTLE_TIME_S) if fault_plan.strikes("little time") else TIMEOUT_S
        fault_plan.ends_s, last_put_s = fault_plan.clock() + time_s, deadline_s(fault_plan.clock(), 1_000 * time_s)
        delivery = Delivery(set(events), self.known, last_put_s, dict(self._parking.parked))
        self._oracle.delivery = delivery
        try:
            answer = self._projector(lambda_event(records), last_put_s)
        except Crashed:
            return Invoked(function_error="Unhandled")
        else:
            self.known = {**delivery.accepted, **self.known}
            return Invoked(answer)
        finally:
            fault_plan.ends_s, self._oracle.delivery = float("inf"), None
            self.known = {one: first for one, first in self.known.items() if one not in delivery.seen_parked}

    def _report(self, outcome: Outcome) -> None:
        happened = self._fault_plan.happened
        happened["events read from the table"] += outcome.filled
        happened["accounts seen for the first time"] += outcome.checked
        happened["events held"] += outcome.held
        happened["records refused"] += outcome.refusals
        for waiting in outcome.waiting:
            happened[f"waits: {waiting.reason}"] += 1
        for parked in outcome.parked:
            self._fault_plan.note("account parked", parked)
