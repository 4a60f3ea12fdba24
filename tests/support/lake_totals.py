"""The table `daily_totals` of a made-up lake, computed by a plain fold of its rows, without the lake's own SQL."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from ops.lake.query.totals import totals_key
from tests.support.lake import LakeRow, put


def write_totals(root: Path, rows: Iterable[LakeRow]) -> None:
    """Write an object for each month. A row that occurs more than once counts once."""
    months: defaultdict[str, defaultdict[tuple[str, str], dict[str, LakeRow]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        months[row["dt"][:7]][row["dt"], row["currency"]][row["event_id"]] = row
    for month, groups in months.items():
        totals = [_total(dt, currency, list(groups[dt, currency].values())) for dt, currency in sorted(groups)]
        put(root / totals_key(month), parquet(totals, arrow_schema(table.TOTALS_COLUMNS)))


def _total(dt: str, currency: str, rows: list[LakeRow]) -> LakeRow:
    credited, withdrawn = (
        [Decimal(row["amount"]) for row in rows if row["event_type"] == event_type]
        for event_type in ("BalanceCredited", "BalanceWithdrawn")
    )
    return {
        "dt": dt,
        "currency": currency,
        "opened": len(rows) - len(credited) - len(withdrawn),
        "credits": len(credited),
        "credited": f"{sum(credited, Decimal(0)):.2f}",
        "withdrawals": len(withdrawn),
        "withdrawn": f"{sum(withdrawn, Decimal(0)):.2f}",
        "events": len(rows),
        "accounts": len({row["account_id"] for row in rows}),
        "made_of": "0" * 16,
    }
