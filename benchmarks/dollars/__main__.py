"""`python -m benchmarks.dollars` prints what a million commands cost over the whole path, hop by hop, in dollars.

It compares us with a peer, the published design (benchmarks/dollars/measured.py). Quantities are measured, except for
units that AWS documents, and the assumptions are those of `Scene` in benchmarks/dollars/hops.py. Prices are those of
benchmarks/prices.toml, without free tiers. Not included, because it grows with what is kept rather than with commands:
storage of the table, its backups, the logs and the lake.

Exit codes: 0, the target is met; 1, it is missed; 3, the costs cannot be measured on this machine.
"""

import sys
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.dollars import prices
from benchmarks.dollars.hops import MILLION, Charge, bill, shared, total
from benchmarks.dollars.measured import Both, bench
from benchmarks.timing_report import store
from local_stack.dynamodb_local import DynamoDBLocalMissing
from local_stack.emulator import forget_aws_settings

MISSED, UNKNOWN = 1, 3
RATES = (10.0, 100.0, 1_000.0)
"""Commands a second."""
TARGET_RATE = 100.0
TARGET = 1.7
TABLE_WIDTH_MIN = 170
"""The minimum width of the console. A pipe has no width of its own."""


def main() -> int:
    forget_aws_settings()
    listed = prices.load()
    console = Console(highlight=False)
    console.width = max(console.width, TABLE_WIDTH_MIN)
    try:
        with bench() as measured:
            both = [measured.at(rate) for rate in RATES]
            reads, writes = measured.keyed_extra
    except DynamoDBLocalMissing as missing:
        Console(stderr=True).print(f"The dollars cannot be measured on this machine: {missing}")
        return UNKNOWN
    results = [_result(each, listed) for each in both]
    for each in both:
        console.print(_table(each, listed))
    for result in results:
        console.print(_hops(result))
    console.print(_totals(results))
    keyed = listed["dynamodb_reads"].of(reads * MILLION) + listed["dynamodb_writes"].of(writes * MILLION)
    console.print(f"An Idempotency-Key on every command adds {keyed:.3f} dollars to ours; the peer has none.")
    found = next(result["on_demand"] for result in results if result["rate"] == TARGET_RATE)
    ratio, is_met = found["ratio"], found["ratio"] >= TARGET
    console.print("The peer's consumer is Powertools' idempotency utility and an update of the account's row.")
    console.print(
        f"With our consumer, the peer's bill is {found['peer_with_our_consumer']:.2f} dollars at {TARGET_RATE:g} "
        f"commands/s, and the ratio {found['ratio_with_our_consumer']:.2f}."
    )
    console.print(
        f"At {TARGET_RATE:g} commands/s, both pay {found['shared']:.2f} dollars for the same. If we paid for nothing "
        f"else, the ratio would be {found['peer'] / found['shared']:.2f}."
    )
    console.print(
        f"{'met' if is_met else 'missed'}: peer : ours is {ratio:.2f} at {TARGET_RATE:g} commands/s; the target is "
        f"{TARGET:g}. Prices: {listed.region}, {listed.date}."
    )
    store(
        dollars={
            "region": listed.region,
            "prices_of": listed.date,
            "target": TARGET,
            "target_rate": TARGET_RATE,
            "met": is_met,
            "keyed_extra": round(keyed, 4),
            "rates": results,
        }
    )
    return 0 if is_met else MISSED


def _result(both: Both, listed: prices.Prices) -> dict[str, Any]:
    result: dict[str, Any] = {"rate": both.scene.rate}
    for name, on_demand in (("on_demand", True), ("provisioned", False)):
        ours, peer, peer_with_ours = (
            bill(both.scene, design, listed, on_demand=on_demand)
            for design in (both.ours, both.peer, both.peer_with_ours)
        )
        result[name] = {
            "ours": round(total(ours), 3),
            "peer": round(total(peer), 3),
            "ratio": round(total(peer) / total(ours), 3),
            "peer_with_our_consumer": round(total(peer_with_ours), 3),
            "ratio_with_our_consumer": round(total(peer_with_ours) / total(ours), 3),
            "shared": round(shared(ours, peer), 3),
            "ours_by_hop": by_hop(ours),
            "peer_by_hop": by_hop(peer),
        }
    return {**result, "measured": {"ours": asdict(both.ours), "peer": asdict(both.peer)}}


def by_hop(lines: list[Charge]) -> dict[str, float]:
    return {hop: round(total(group), 4) for hop, group in groupby(lines, key=lambda line: line.hop)}


def _table(both: Both, listed: prices.Prices) -> Table:
    """The arithmetic: quantity times price, for each line of both bills."""
    scene = both.scene
    title = (
        f"A million commands at {scene.rate:g} a second. Events per invocation: projector {scene.projector_batch:.1f}, "
        f"consumer {scene.consumer_batch(both.ours.published):.1f}"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("hop", "what", "unit", "$ each"):
        table.add_column(heading, justify="right" if heading == "$ each" else "left")
    for heading in ("ours", "$", "peer", "$"):
        table.add_column(heading, justify="right", no_wrap=True)
    ours, peer = (bill(scene, design, listed) for design in (both.ours, both.peer))
    for mine, theirs in zip(ours, peer, strict=True):
        price = mine.price
        what = mine.what if mine.what == theirs.what else f"{mine.what}; the peer's {theirs.what.rpartition(', ')[2]}"
        table.add_row(
            *(mine.hop, what, price.unit, f"{price.dollars / price.per:.4g}"),
            *(f"{mine.quantity:,.4g}", f"{mine.dollars:.4f}", f"{theirs.quantity:,.4g}", f"{theirs.dollars:.4f}"),
        )
    return table


def _hops(result: dict[str, Any]) -> Table:
    table = Table(title=f"Dollars per million commands at {result['rate']:g} a second", title_justify="left")
    for heading in ("hop", "ours", "peer"):
        table.add_column(heading, justify="left" if heading == "hop" else "right")
    ours, peer = result["on_demand"]["ours_by_hop"], result["on_demand"]["peer_by_hop"]
    for hop in ours:
        table.add_row(hop, f"{ours[hop]:.3f}", f"{peer[hop]:.3f}")
    return table


def _totals(results: list[dict[str, Any]]) -> Table:
    table = Table(title="Dollars per million commands, all hops", title_justify="left")
    for heading in ("commands/s", "event stream", "ours", "peer", "peer : ours", "with our consumer: peer", "ratio"):
        table.add_column(heading, justify="right")
    for result in results:
        for name in ("on_demand", "provisioned"):
            each = result[name]
            names = "ours", "peer", "ratio", "peer_with_our_consumer", "ratio_with_our_consumer"
            figures = [f"{each[figure]:.2f}" for figure in names]
            table.add_row(f"{result['rate']:g}", name.replace("_", " "), *figures)
    return table


if __name__ == "__main__":
    sys.exit(main())
