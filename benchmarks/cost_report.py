"""The table of costs, as it is printed."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.meter import Cost
from benchmarks.row_sizes import READ_UNIT_BYTES, WRITE_UNIT_BYTES

if TYPE_CHECKING:
    from benchmarks.costs import CostResult, Costs, Figure

WIDTH_MIN = 150
"""So that a pipe, which has no width, gets the table in one piece."""
HEADINGS = ("operation", "ours", "from", "$", "at most", "", "published", "from", "$")


def show(costs: "Costs") -> None:
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH_MIN)
    table = Table(title="One operation: requests / RCU / WCU, and dollars for a million", title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("operation", "from") else "right", no_wrap=True)
    for result in costs.operations:
        table.add_row(*_cells(result))
    console.print(table)
    for note in _notes(costs):
        console.print(note)


def _cells(result: "CostResult") -> list[str]:
    met = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[result.met]
    at_most = _cost(result.at_most) if result.at_most else "-"
    return [result.name, *_figure(result.ours), at_most, met, *_figure(result.peer)]


def _figure(figure: "Figure | None") -> tuple[str, str, str]:
    if figure is None:
        return ("-", "", "-")
    return (_cost(figure.cost), _source(figure), f"{figure.dollars:.3f}")


def _source(figure: "Figure") -> str:
    """`R-L W-M+1`: the RCU are DynamoDB Local's, the WCU ministack's and one more that is documented."""
    parts = [f"{kind}-{store[0].upper().replace('D', 'L')}" for kind, store in _stores(figure)]
    return " ".join(parts) + (f"+{figure.cost.documented:g}" if figure.cost.documented else "")


def _stores(figure: "Figure") -> list[tuple[str, str]]:
    return [(kind, store) for kind, store in (("R", figure.reads_from), ("W", figure.writes_from)) if store]


def _cost(cost: Cost) -> str:
    figures = (cost.requests, cost.read_units, cost.write_units)
    return " / ".join(f"{figure:.4g}" for figure in figures)


def _notes(costs: "Costs") -> list[str]:
    rows, prices = costs.rows, costs.prices
    verdict = "[green]met[/]" if costs.row_below_write_unit else "[red]missed[/]"
    return [
        "from: RCU (R) and WCU (W) as DynamoDB Local (L) or ministack (M) reports them; +n WCU are billed by AWS's",
        "documentation and reported by no store. Commands find their account's head in the process's cache, but where",
        f"it says otherwise. Dollars: {prices.write} per million write units, {prices.read} per million read units.",
        f"Typical rows have {rows.typical} bytes, {rows.typical_keyed} with an Idempotency-Key.",
        f"The largest that the API lets through has {rows.largest}, below {WRITE_UNIT_BYTES}: {verdict}.",
        f"{rows.largest_fitting} of the largest fit a read unit's {READ_UNIT_BYTES} bytes, and a read takes ten rows:",
        "the balance of an account of such rows costs more, as its line above shows.",
    ]
