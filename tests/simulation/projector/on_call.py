"""Operators with the tools of `ops`: they repair rows, release accounts and publish events that were given up."""

from collections.abc import Callable

from ops.recovery.failures import DiscardedBatch, FailureReleaser, Span
from ops.recovery.release import Releaser
from projector.errors import Unavailable
from projector.parking import Parked
from projector.publish import KinesisPublisher
from tests.simulation.projector.callers import Job, Operator
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.fixtures import EVENTS_MAX
from tests.simulation.projector.oracle import Oracle
from tests.simulation.projector.table_stream import TableStream
from tests.simulation.projector.tables import CheckedParking, UnsteadyLedger, UnsteadyParking

JOBS_MAX = 2
REQUESTS_AT_ONCE = 1, 3, 12
EVENTS_AT_ONCE = 3
ROWS_MAX = 2 * EVENTS_MAX


class OnCall:
    """Up to two operators at a time."""

    def __init__(
        self,
        fault_plan: FaultPlan,
        oracle: Oracle,
        *,
        table: TableStream,
        parked: CheckedParking,
        operator: Operator,
        publisher: KinesisPublisher,
    ) -> None:
        self._fault_plan = fault_plan
        self._oracle = oracle
        self._table = table
        self._parked = parked.parked
        self._operator = operator
        parking = UnsteadyParking(parked, oracle, fault_plan, operator)
        ledger = UnsteadyLedger(table.ledger, fault_plan, operator)
        self._releaser = Releaser(parking, ledger, publisher, clock=operator.clock, page_events=EVENTS_AT_ONCE)
        self._failures = FailureReleaser(
            parking, table.newest, self._releaser, now=lambda: "2026-01-31T10:00:00+00:00", delete=lambda _key: None
        )
        self._jobs: list[Job] = []
        self.abandoned: set[str] = set()
        """Accounts that the operators never repair."""

    def act(self) -> None:
        """Advance jobs by a few requests, possibly starting new jobs."""
        for _ in range(self._fault_plan.random.choice(REQUESTS_AT_ONCE)):
            self._act()

    def _act(self) -> None:
        random = self._fault_plan.random
        if not self._jobs or (len(self._jobs) < JOBS_MAX and random.random() < 0.2):
            work = self.work()
            if work:
                self._jobs.append(Job(random.choice(work)))
        if not self._jobs:
            return
        self._fault_plan.troubles += 1
        job = random.choice(self._jobs)
        if not self._step(job):
            self._jobs.remove(job)
        elif self._fault_plan.strikes("operator gave up"):
            self._jobs.remove(job)
            job.abandon()

    def finish(self) -> None:
        """Complete all work. The scenario is calm, so nothing interrupts it."""
        self._jobs += [Job(work) for work in self.work()]
        while self._jobs:
            self._step(self._jobs.pop(0))

    def abandon(self) -> None:
        """Abandon all jobs."""
        while self._jobs:
            self._jobs.pop().abandon()

    def work(self) -> list[Callable[[], None]]:
        """Return the work to do."""
        lost = sorted(event for event in self._oracle.lost - self._oracle.there if event[0] not in self.abandoned)
        spans: dict[str, Span] = {}
        for account_id, sequence in lost:
            spans[account_id] = Span(spans.get(account_id, Span(sequence, 0)).first, sequence)
        return [
            *(self._release(parked) for parked in self._parked.values() if parked.account_id not in self.abandoned),
            *(
                self._repair(account_id, span)
                for account_id, span in spans.items()
                if span.first == 1 or (account_id, span.first - 1) in self._oracle.there
            ),
        ]

    def _step(self, job: Job) -> bool:
        try:
            return self._operator.step(job)
        except Unavailable:
            return False

    def _release(self, parked: Parked) -> Callable[[], None]:
        def work() -> None:
            rows_max = ROWS_MAX if self._fault_plan.is_calm else self._fault_plan.random.choice((0, 1, ROWS_MAX))
            self._table.repair(parked.account_id, rows_max)
            released = self._releaser.release(parked)
            self._fault_plan.note(
                "account released" if released.still_parked is None else "account not released", released
            )

        return work

    def _repair(self, account_id: str, span: Span) -> Callable[[], None]:
        def work() -> None:
            self._table.repair(account_id, ROWS_MAX)
            self._fault_plan.note("parked at an event that was given up", account_id, span)
            for released in self._failures.release([DiscardedBatch("s3://failures/1", "1", {account_id: span})]):
                self._fault_plan.note("gap repaired" if released.still_parked is None else "gap not repaired", released)
                if released.still_parked is None:
                    self._oracle.check_repaired((account_id, sequence) for sequence in range(span.first, span.last + 1))

        return work
