"""One scenario per seed: clients use the API, events travel to consumer and lake, and in the end every view agrees."""

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.oracle import Oracle
from tests.simulation.projector.pipeline import Pipeline
from tests.simulation.system import acceptances, ledger, refusals, views
from tests.simulation.system.api import Gateway
from tests.simulation.system.clients import Clients
from tests.simulation.system.consumer import KinesisReaders
from tests.simulation.system.faults import CHANCES, THEMES
from tests.simulation.system.lake import Lake
from tests.simulation.system.table import AccountsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPS_MAX = 900
MIDNIGHT_UTC = datetime(2026, 2, 1, tzinfo=UTC)
NEAR_S, FAR_S = 60.0, 12 * 3600.0
"""How long before midnight a scenario begins, at most."""


class Scenario:
    """A scenario. `fault_plan.happened` and `fault_plan.log` record its course.

    Attributes:
        seed: part of every id, so that scenarios may share a lake.
        rows: the ledger's rows by account, once the scenario is over.
        commands: what the clients sent.
        lake: the lake.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.fault_plan = fault_plan = FaultPlan(seed, CHANCES, THEMES)
        self._random = random = fault_plan.random
        near_s = NEAR_S if fault_plan.strikes("near midnight") else FAR_S
        fault_plan.clock.now_s = MIDNIGHT_UTC.timestamp() - random.uniform(0.0, near_s)
        oracle = Oracle()
        self.table = table = AccountsTable(fault_plan, oracle)
        self._pipeline = Pipeline(fault_plan, oracle, table, lambda: table.events)
        ids = count(1)
        self._gateway = gateway = Gateway(fault_plan, table, lambda: f"id-{seed}-{next(ids)}")
        self._clients = Clients(seed, fault_plan, gateway, table.newest)
        self.commands = self._clients.commands
        self._readers = KinesisReaders(fault_plan, self._pipeline.kinesis)
        self.lake = Lake(fault_plan, self._pipeline.kinesis)
        self.rows: ledger.Rows = {}
        operators = fault_plan.meanwhile

        def meanwhile() -> None:
            operators()
            while fault_plan.strikes("client acted meanwhile"):
                self._clients.step()

        fault_plan.meanwhile = meanwhile

    def run(self) -> None:
        """Raises PromiseBroken, or any other error that a bug causes."""
        try:
            self._run_with_faults()
            self._finish_without_faults()
        finally:
            self._clients.abandon()
            self._pipeline.on_call.abandon()
        self._check()

    def _run_with_faults(self) -> None:
        steps: Sequence[Callable[[], object]] = (
            self._clients.pause,
            self._pipeline.poll,
            self._pipeline.on_call.act,
            self._pipeline.disturb,
            self._readers.read,
            self.lake.work,
        )
        weights = (80, 6, 2, 1, 6, 3)
        for step in self._random.choices(steps, weights, k=self._random.randint(100, STEPS_MAX)):
            step()
            self.fault_plan.catch_up()
            self._pipeline.check_nothing_is_lost()

    def _finish_without_faults(self) -> None:
        self.lake.redrive()
        self.fault_plan.calm()
        self._clients.finish()
        self._pipeline.finish()
        self._readers.finish()
        self.lake.finish()
        self.lake.redrive()

    def _check(self) -> None:
        self.rows = rows = self.table.rows()
        ledger.check_rows(rows)
        ledger.check_transfers(rows)
        ledger.check_commands(rows, self.commands)
        states = refusals.states_of(rows)
        refusals.check(rows, states, self.commands, self.table.full, is_jwt=self._gateway.is_jwt)
        acceptances.check(rows, states, self.commands, is_jwt=self._gateway.is_jwt)
        ledger.check_states(rows, self._clients.states)
        ledger.check_sum(rows, self.commands)
        views.check_inbox(rows, self._readers.applied)
        views.check_lake(rows, self.lake.rows())


def play(seed: int) -> Scenario:
    """Run a scenario. An error carries a note with the seed and the command that repeats it."""
    scenario = Scenario(seed)
    try:
        scenario.run()
    except Exception as error:
        error.add_note(f"seed {seed}: python -m tests.simulation.system --log --first {seed}")
        raise
    return scenario
