"""The cost of each operation in requests, RCU, WCU and dollars, against the published design (benchmarks/published.py).

These are exact figures, not timings, as reported by stores that bill as AWS does; the table shows which store reported
each figure. Exit codes: 0, all targets met; 1, a target missed; 3, the stores do not run on this machine.
"""

import argparse
import sys
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace

from rich.console import Console

from benchmarks import cost_report
from benchmarks.cost_results import READ_PRICE, WRITE_PRICE, CostResult, Costs, Figure, Prices
from benchmarks.cost_targets import LOCAL, MINISTACK, Measurement, Operation, StoreName, operations
from benchmarks.row_sizes import WRITE_UNIT_BYTES, row_sizes
from benchmarks.world import MetersDisagree, World, open_world
from local_stack.dynamodb_local import DynamoDBLocalMissing, dynamodb_local
from local_stack.emulator import Emulator, forget_aws_settings

MISSED, UNKNOWN = 1, 3
LONG_EVENTS = 100_000


def measure(
    prices: Prices | None = None, long_events: int = LONG_EVENTS, names: Collection[str] | None = None
) -> Costs:
    """Measure the costs of all operations, or of those with these names, on stores started for this purpose.

    Raises:
        DynamoDBLocalMissing: Java or npm is missing on this machine.
        MetersDisagree: the service's own count of its costs is wrong, or the stores see different requests.
        LoadTooSlow: the long account could not be loaded in time.
    """
    prices, rows = prices or Prices(), row_sizes()
    chosen = [operation for operation in operations(long_events) if names is None or operation.name in names]
    with ExitStack() as stack:
        urls = {LOCAL: stack.enter_context(dynamodb_local()), MINISTACK: stack.enter_context(Emulator()).endpoint_url}
        worlds = {name: open_world(url) for name, url in urls.items()}
        results = [_result(operation, worlds, prices) for operation in chosen]
    return Costs(prices, rows, rows.largest < WRITE_UNIT_BYTES, results)


def _result(operation: Operation, worlds: Mapping[StoreName, World], prices: Prices) -> CostResult:
    ours = _figure(operation.ours, worlds, prices)
    baseline = _figure(operation.baseline, worlds, prices) if operation.baseline else None
    met = ours.cost.is_at_most(operation.target) if operation.target else None
    return CostResult(operation.name, ours, baseline, operation.target, met)


def _figure(measurement: Measurement, worlds: Mapping[StoreName, World], prices: Prices) -> Figure:
    costs = {name: measurement.run(worlds[name]) for name in {measurement.reads_from, measurement.writes_from}}
    reads, writes = costs[measurement.reads_from], costs[measurement.writes_from]
    if reads.requests != writes.requests:
        raise MetersDisagree(f"The stores report different numbers of requests: {costs}")
    cost = replace(writes, read_units=reads.read_units)
    return Figure(
        cost,
        prices.of(cost),
        reads_from=measurement.reads_from if cost.read_units else None,
        writes_from=measurement.writes_from if cost.write_units > cost.documented else None,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--write-price", type=float, default=WRITE_PRICE, help="dollars per million write units")
    parser.add_argument("--read-price", type=float, default=READ_PRICE, help="dollars per million read units")
    parser.add_argument("--long-events", type=int, default=LONG_EVENTS, help="number of events of the longest account")
    arguments = parser.parse_args()
    forget_aws_settings()
    try:
        costs = measure(Prices(arguments.write_price, arguments.read_price), arguments.long_events)
    except DynamoDBLocalMissing as missing:
        Console(stderr=True).print(f"The costs cannot be measured on this machine: {missing}")
        return UNKNOWN
    cost_report.show(costs)
    return 0 if costs.met else MISSED


if __name__ == "__main__":
    sys.exit(main())
