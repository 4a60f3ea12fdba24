"""One scenario per seed: accounts change, records are delivered, faults occur, and in the end every promise holds."""

from typing import TYPE_CHECKING

from tests.simulation.projector.consumer import applied
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.fixture_table import FixtureTable
from tests.simulation.projector.fixtures import ACCOUNTS
from tests.simulation.projector.oracle import Oracle
from tests.simulation.projector.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPS_MAX = 60


class Scenario:
    """A scenario. `fault_plan.happened` and `fault_plan.log` record its course."""

    def __init__(self, seed: int) -> None:
        self.fault_plan = fault_plan = FaultPlan(seed)
        self._random = random = fault_plan.random
        self._oracle = Oracle()
        self._accounts = ACCOUNTS[: random.randint(1, len(ACCOUNTS))]
        self._table = FixtureTable(fault_plan, self._oracle, self._accounts)
        self._pipeline = Pipeline(fault_plan, self._oracle, self._table)
        self._on_call = self._pipeline.on_call
        self._on_call.abandoned.update(
            account_id for account_id in self._accounts if fault_plan.strikes("account abandoned")
        )

    def run(self) -> None:
        """Raises PromiseBroken, or any other error that a bug causes."""
        try:
            self._run_with_faults()
            self._pipeline.finish()
            records = [arrived.data for arrived in self._pipeline.kinesis.arrived]
            self._oracle.check_consumer(applied(records, self._random))
        finally:
            self._on_call.abandon()

    def _run_with_faults(self) -> None:
        steps: Sequence[Callable[[], object]] = (
            self._write,
            self._pipeline.poll,
            self._on_call.act,
            self._disturb,
        )
        for step in self._random.choices(steps, (30, 45, 15, 10), k=self._random.randint(10, STEPS_MAX)):
            step()
            self.fault_plan.catch_up()
            self._pipeline.check_nothing_is_lost()

    def _write(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            self._table.write(self._random.choice(self._accounts), self._random.choice((1, 1, 2, 5)))

    def _disturb(self) -> None:
        self._pipeline.disturb()
        if self.fault_plan.strikes("row spoilt"):
            self._table.spoil(vanishes=False)
        if self.fault_plan.strikes("row vanished"):
            self._table.spoil(vanishes=True)


def play(seed: int) -> Scenario:
    """Run a scenario. An error carries a note with the seed and the command that repeats it."""
    scenario = Scenario(seed)
    try:
        scenario.run()
    except Exception as error:
        error.add_note(f"seed {seed}: python -m tests.simulation.projector --log --first {seed}")
        raise
    return scenario
