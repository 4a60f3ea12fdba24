"""The table `daily_totals` of a made-up lake, by a plain fold of its rows: none of the lake's own SQL."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from consumers.lake import table
from ops.lake.duckdb_engine import TOTALS_COLUMNS
from ops.parquet import arrow_schema, parquet
from tests.lake import LakeRow


def write_totals(root: Path, rows: Iterable[LakeRow]) -> None:
    """An object for each day. The rows may be there more than once."""
    days: defaultdict[str, dict[str, LakeRow]] = defaultdict(dict)
    for row in rows:
        days[row["dt"]][row["event_id"]] = row
    for dt, theirs in days.items():
        path = root / f"{table.TOTALS_PREFIX}dt={dt}/totals.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        totals = [
            _total(currency, list(theirs.values())) for currency in sorted({r["currency"] for r in theirs.values()})
        ]
        path.write_bytes(parquet(totals, arrow_schema(TOTALS_COLUMNS)))


def _total(currency: str, rows: list[LakeRow]) -> LakeRow:
    rows = [row for row in rows if row["currency"] == currency]
    credited, withdrawn = (
        [Decimal(row["amount"]) for row in rows if row["event_type"] == event_type]
        for event_type in ("BalanceCredited", "BalanceWithdrawn")
    )
    return {
        "currency": currency,
        "opened": len(rows) - len(credited) - len(withdrawn),
        "credits": len(credited),
        "credited": f"{sum(credited, Decimal(0)):.2f}",
        "withdrawals": len(withdrawn),
        "withdrawn": f"{sum(withdrawn, Decimal(0)):.2f}",
        "events": len(rows),
        "accounts": len({row["account_id"] for row in rows}),
    }
