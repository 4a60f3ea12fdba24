"""Prints the table of timings, and stores all results in results.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cost_report import WIDTH_MIN
from benchmarks.timing import Result

RESULTS = Path(__file__).with_name("results.json")


def show(title: str, results: Sequence[Result], variants: tuple[str, str] = ("ours", "baseline")) -> None:
    """Print a table.

    Args:
        title: of the table.
        results: its rows.
        variants: the headings of the two figures that are compared.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("benchmark")
    table.add_column("unit")
    for heading in (*variants, "ratio", "target", "", "1 / ratio", "sentinel"):
        table.add_column(heading, justify="right")
    for result in results:
        figures = [f"{figure:g}" for figure in (result.ours, result.baseline, result.ratio)]
        target = "-" if result.target is None else f"{result.target:.3g}"
        met = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[result.met]
        table.add_row(
            result.name, result.unit, *figures, target, met, f"{1 / result.ratio:.3g}", f"{result.sentinel:g}"
        )
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH_MIN)
    console.print(table)


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [asdict(result) for result in results]


def store(**results: object) -> None:
    """Replace these keys in results.json and keep all others.

    Raises:
        ValueError: a number is infinite or not a number, which JSON does not have. The file stays as it was.
    """
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**stored, **results}, indent=2, allow_nan=False) + "\n")
