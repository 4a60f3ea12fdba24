"""The accounts' table with the rows of the fixtures, some of them damaged."""

from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.fixtures import INSTEAD_OF_A_SNAPSHOT, POISONS, Written, fixtures
from tests.simulation.projector.oracle import Oracle
from tests.simulation.projector.table_stream import TableStream


class FixtureTable(TableStream):
    """A table whose accounts have the rows of the fixtures."""

    def __init__(self, fault_plan: FaultPlan, oracle: Oracle, accounts: str) -> None:
        super().__init__(fault_plan, oracle, accounts)
        self._next = {account_id: iter(fixtures(account_id)) for account_id in accounts}

    def write(self, account_id: str, transactions: int) -> None:
        """Write an account's next transactions."""
        for _ in range(transactions):
            if rows := [self._as_written(row) for row in next(self._next[account_id], [])]:
                self.put(rows)

    def _as_written(self, row: Written) -> Written:
        if not self._fault_plan.strikes("poison"):
            return row
        self.broken[row.account_id, row.version] = row
        return row.spoilt(INSTEAD_OF_A_SNAPSHOT if row.sequence is None else self._fault_plan.random.choice(POISONS))

    def spoil(self, *, vanishes: bool) -> None:
        """Damage or remove a row that was written earlier."""
        if not self.written:
            return
        account_id, sequence = self._fault_plan.random.choice(self.written)
        row = fixtures(account_id)[sequence - 1][0]
        self.broken[account_id, row.version] = row
        if vanishes:
            self.ledger.rows[account_id].pop(row.version, None)
        else:
            self.ledger.put([row.spoilt(self._fault_plan.random.choice(POISONS)).image])
