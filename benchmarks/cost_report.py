"""The table of costs as it is printed."""

from rich.console import Console
from rich.table import Table

from benchmarks.cost_results import CostResult, Costs, Figure
from benchmarks.meter import Cost
from benchmarks.row_sizes import READ_UNIT_BYTES, WRITE_UNIT_BYTES

WIDTH_MIN = 150
"""The minimum width of the console. A pipe has no width of its own."""
HEADINGS = ("operation", "ours", "from", "$", "target", "", "published", "from", "$")


def show(costs: Costs) -> None:
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


def _cells(result: CostResult) -> list[str]:
    met = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[result.met]
    target = _cost(result.target) if result.target else "-"
    return [result.name, *_figure(result.ours), target, met, *_figure(result.baseline)]


def _figure(figure: Figure | None) -> tuple[str, str, str]:
    if figure is None:
        return ("-", "", "-")
    return (_cost(figure.cost), _source(figure), f"{figure.dollars:.3f}")


def _source(figure: Figure) -> str:
    """For example `R-L W-M+1`: RCU from DynamoDB Local, WCU from ministack plus one documented WCU."""
    parts = [f"{kind}-{store[0].upper().replace('D', 'L')}" for kind, store in _stores(figure)]
    return " ".join(parts) + (f"+{figure.cost.documented:g}" if figure.cost.documented else "")


def _stores(figure: Figure) -> list[tuple[str, str]]:
    return [(kind, store) for kind, store in (("R", figure.reads_from), ("W", figure.writes_from)) if store]


def _cost(cost: Cost) -> str:
    figures = (cost.requests, cost.read_units, cost.write_units)
    return " / ".join(f"{figure:.4g}" for figure in figures)


def _notes(costs: Costs) -> list[str]:
    rows, prices = costs.rows, costs.prices
    met = "[green]met[/]" if costs.row_below_write_unit else "[red]missed[/]"
    return [
        "from: RCU (R) and WCU (W) as reported by DynamoDB Local (L) or ministack (M); +n: WCU that AWS bills",
        "according to its documentation, but that no store reports. Unless the table states otherwise, commands find",
        "their account's head in the process's cache.",
        f"Dollars: {prices.write} per million write units, {prices.read} per million read units.",
        f"Typical rows have {rows.typical} bytes, or {rows.typical_keyed} with an Idempotency-Key.",
        f"That of a transfer with a key has {rows.typical_transfer} bytes.",
        f"The largest row that the API accepts has {rows.largest} bytes. Target, below {WRITE_UNIT_BYTES}: {met}.",
        f"{rows.largest_fitting} of the largest rows fit into a read unit of {READ_UNIT_BYTES} bytes. A read needs ten",
        "rows, so the balance of such an account costs more, as the table shows.",
    ]
