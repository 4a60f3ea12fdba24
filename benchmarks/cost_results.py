"""The costs of operations: units of capacity and dollars. `costs` measures them, `cost_report` prints them."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.cost_targets import StoreName
from benchmarks.meter import Cost
from benchmarks.row_sizes import RowSizes

WRITE_PRICE, READ_PRICE = 0.625, 0.125
"""Dollars per million request units: on-demand, us-east-1, since AWS's price cut of 1 November 2024
(aws.amazon.com/dynamodb/pricing/on-demand). Other regions have other prices, so these are parameters."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per million units."""

    write: float = WRITE_PRICE
    read: float = READ_PRICE

    def of(self, cost: Cost) -> float:
        """Dollars for a million operations at this cost."""
        return cost.read_units * self.read + cost.write_units * self.write


@dataclass(frozen=True, slots=True)
class Figure:
    """A cost, the dollars for a million operations, and which stores reported it, except for the `documented` WCU."""

    cost: Cost
    dollars: float
    reads_from: StoreName | None
    writes_from: StoreName | None


@dataclass(frozen=True, slots=True)
class CostResult:
    """Attributes: `baseline` is None if the published design lacks the operation, `met` if there is no target."""

    name: str
    ours: Figure
    baseline: Figure | None
    target: Cost | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class Costs:
    prices: Prices
    rows: RowSizes
    row_below_write_unit: bool
    operations: list[CostResult]

    @property
    def met(self) -> bool:
        return self.row_below_write_unit and all(result.met is not False for result in self.operations)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
