"""Compares the ledger with the lake in Spark, with one shuffle of each side.

The rules are those of `ops.lake.reconcile.comparison`, and each SQL statement here has its counterpart there. Both
sides are partitioned by account, sorted by sequence and joined. Rows that agree are summed by account; rows that may be
a finding keep their values. So what is kept grows with the accounts and the findings, not with the events.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row, SparkSession

from consumers.lake.added_columns import OCCURRED_AT_US
from ops.lake.query.history import History
from ops.lake.reconcile.compacted import FIRST_COPIES, OF_DAYS, ROW, differing
from ops.lake.reconcile.differences import FIELDS, KEYS, Evidence, same
from ops.lake.reconcile.ledger_history import FLOW, HISTORY, IS_AFTER_GAP, unbalanced
from ops.lake.reconcile.outcome import Counted
from ops.lake.reconcile.result import AccountFound, Lateness, Standing, Total
from ops.lake.spark.canonical import LEDGER
from ops.lake.spark.lake import TIMES
from ops.lake.spark.ledger import SNAPSHOT, UNTRANSLATED
from ops.ledger.transfers import UNPAIRED

REPEATED = "repeated"
"""The `reason` of a row that the export has had before."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_SECOND = 1_000_000
_VALUES = (*KEYS, *FIELDS)


def _struct(side: str) -> str:
    return "named_struct(" + ", ".join(f"'{name}', {side}.{name}" for name in _VALUES) + ")"


_ONCE = f"""
SELECT {", ".join(LEDGER)}, version, CASE WHEN is_repeated THEN '{REPEATED}' ELSE reason END AS reason
FROM (
  SELECT *, coalesce(version = lag(version) OVER versions, false) AS is_repeated FROM ledger_versions
  WINDOW versions AS (PARTITION BY account_id ORDER BY CAST(version AS double), version)
)
WHERE is_repeated OR NOT reason <=> '{SNAPSHOT}'
"""
"""The ledger's rows without snapshots; but with every row, also a snapshot, whose key another row has, too."""

_LAKE = f"""
SELECT *, {FLOW} AS flow,
  row_number() OVER copies AS number,
  NOT (dt <=> lag(dt) OVER copies AND event_type <=> lag(event_type) OVER copies) AS is_shown
FROM lake_rows
WINDOW copies AS (
  PARTITION BY account_id, sequence ORDER BY dt, event_type, published_at NULLS LAST, schema_fingerprint NULLS LAST
)
"""
"""`is_shown` is whether the view `events` shows the row. `number` is 1 for the first row of an account and sequence."""

_PAIRED = f"""
SELECT
  coalesce(l.account_id, s.account_id) AS account_id,
  coalesce(l.sequence, s.sequence) AS sequence,
  l.account_id IS NOT NULL AS in_ledger,
  s.account_id IS NOT NULL AS in_lake,
  coalesce(l.occurred_at > :cut AND l.occurred_at <= :latest, false) AS is_young,
  coalesce(s.account_id IS NULL AND l.occurred_at > :cut AND l.occurred_at <= :latest, false) AS is_on_its_way,
  coalesce(l.account_id IS NULL AND s.occurred_at > :cut AND s.occurred_at <= :latest, false) AS is_later,
  coalesce(l.is_unreadable, false) AS is_unreadable,
  coalesce(s.number, 1) = 1 AS is_first,
  coalesce(s.is_shown, false) AS is_shown,
  {same("l", "s", FIELDS)} AS is_same,
  l.before, l.run, l.error, l.reason, l.version,
  l.flow AS ledger_flow, l.currency AS ledger_currency, l.occurred_at AS ledger_occurred_at,
  s.flow AS lake_flow, s.currency AS lake_currency, s.occurred_at AS lake_occurred_at,
  s.published_at - s.occurred_at AS late,
  {_struct("l")} AS ledger
FROM ledger_history l FULL OUTER JOIN lake_copies s ON l.account_id = s.account_id AND l.sequence = s.sequence
"""

_ASSESSED = f"""
SELECT *,
  in_ledger AND reason IS NULL AND is_first AND NOT is_on_its_way AS is_ledger_event,
  in_lake AND is_shown AND NOT is_unreadable AND NOT is_later AS is_lake_event,
  NOT is_unreadable AND NOT is_on_its_way AND NOT is_later AND NOT (in_ledger AND in_lake AND is_same) AS is_pair,
  in_ledger AND NOT is_young AND {IS_AFTER_GAP} AS is_after_gap
FROM paired
"""

_GROUPED = """
SELECT account_id,
  CASE WHEN is_ledger_event THEN ledger_currency END AS ledger_currency,
  CASE WHEN is_lake_event THEN lake_currency END AS lake_currency,
  CASE WHEN is_pair OR is_after_gap OR reason IS NOT NULL OR error <> 0 THEN named_struct(
    'sequence', sequence, 'in_lake', in_lake, 'is_pair', is_pair, 'is_after_gap', is_after_gap,
    'before', before, 'run', run, 'error', error, 'reason', reason,
    'version', CASE WHEN reason IS NOT NULL THEN version END,
    'ledger', CASE WHEN in_ledger AND reason IS NULL THEN ledger END
  ) END AS suspect,
  count_if(is_ledger_event) AS ledger_events,
  max(CASE WHEN is_ledger_event THEN sequence END) AS ledger_sequence,
  sum(CASE WHEN is_ledger_event THEN ledger_flow END) AS ledger_flow,
  count_if(is_lake_event) AS lake_events,
  max(CASE WHEN is_lake_event THEN sequence END) AS lake_sequence,
  sum(CASE WHEN is_lake_event THEN lake_flow END) AS lake_flow,
  count_if(is_on_its_way) AS on_their_way,
  min(CASE WHEN is_on_its_way THEN ledger_occurred_at END) AS first_on_its_way,
  max(ledger_occurred_at) AS newest_in_ledger,
  max(CASE WHEN is_shown THEN lake_occurred_at END) AS newest_in_lake,
  max(CASE WHEN is_shown THEN late END) AS longest
FROM assessed GROUP BY 1, 2, 3, 4
"""

_SUSPECTS = "SELECT DISTINCT account_id, suspect.* FROM grouped WHERE suspect IS NOT NULL"

_SHOWN_AND_COPIES = f"""
SELECT DISTINCT s.account_id AS at_account_id, s.sequence AS at_sequence, {_struct("c")} AS lake
FROM lake_again c JOIN lake_again s ON {same("c", "s", ("dt", "event_type", "account_id", "sequence"))}
WHERE s.is_shown AND NOT ({same("c", "s", _VALUES)})
"""

_EVIDENCE = f"""
WITH shown AS (SELECT account_id, sequence, {_struct("s")} AS lake FROM lake_again s WHERE is_shown),
copies AS ({_SHOWN_AND_COPIES}),
pairs AS (SELECT DISTINCT account_id, sequence, ledger FROM suspects WHERE is_pair),
unreadable AS (SELECT DISTINCT account_id, sequence, reason FROM suspects WHERE reason IS NOT NULL),
gaps AS (SELECT DISTINCT account_id, sequence, ledger, before FROM suspects WHERE is_after_gap),
errors AS (SELECT DISTINCT account_id, sequence, ledger, run, error FROM suspects WHERE error <> 0)
SELECT k.account_id, k.sequence, 'shown' AS role, k.ledger, s.lake, CAST(NULL AS string) AS reason
FROM pairs k LEFT JOIN shown s ON k.account_id = s.account_id AND k.sequence = s.sequence
UNION ALL
SELECT k.account_id, k.sequence, 'copy', NULL, c.lake, NULL
FROM pairs k JOIN copies c ON k.account_id = c.at_account_id AND k.sequence = c.at_sequence
UNION ALL
SELECT u.account_id, u.sequence, 'unreadable', NULL, s.lake, u.reason
FROM unreadable u LEFT JOIN shown s ON u.account_id = s.account_id AND u.sequence = s.sequence
UNION ALL
SELECT account_id, sequence, 'gap', ledger, NULL, CAST(coalesce(before, 0) AS string) FROM gaps
UNION ALL
SELECT account_id, sequence, 'unbalanced', ledger, NULL, CAST(ledger.balance - error AS string)
FROM ({unbalanced("errors")})
ORDER BY account_id, sequence NULLS LAST, role DESC, lake NULLS LAST
"""


_DIGEST = f"CAST(xxhash64({', '.join(f'{name}, {name} IS NULL' for name in ROW)}) AS decimal(38, 0))"
"""The hash of a null is that of nothing, so it is also made of which columns are null."""
_ROW = "named_struct(" + ", ".join(f"'{name}', {name}" for name in ROW) + ")"
_COMPACTED = f"""
SELECT account_id, sequence, 'day' AS role, {_ROW} AS lake FROM ({FIRST_COPIES}) AS first_copies
UNION ALL
SELECT account_id, sequence, 'month', {_ROW} FROM month_rows LEFT SEMI JOIN differing_months
USING (account_id, sequence)
ORDER BY account_id, sequence
"""


class SparkComparison:
    """The comparison of a ledger with a lake; see `ops.lake.reconcile.outcome.Compared`.

    Args:
        session: the Spark session.
        ledger: the ledger's rows, see `ops.lake.spark.ledger`.
        transfers: those of them that belong to a transfer. They are read a second time and shuffled by transfer.
        lake: the lake's rows, see `ops.lake.spark.lake`.
        cut: events that occurred until then must be on both sides; UTC.
        latest: events dated later never arrive, because the transform refuses them; UTC.
        partitions: the number of partitions of each side.
    """

    def __init__(
        self,
        session: SparkSession,
        ledger: DataFrame,
        transfers: DataFrame,
        lake: DataFrame,
        *,
        cut: datetime,
        latest: datetime,
        partitions: int,
    ) -> None:
        self._session, self._lake, self._cut = session, lake, cut
        self._partitions, self._has_months = partitions, False
        once = self._sql(_ONCE, ledger_versions=ledger.repartition(partitions, "account_id"))
        history = self._sql(HISTORY, ledger_rows=once)
        copies = self._sql(_LAKE, lake_rows=lake.repartition(partitions, "account_id"))
        times = {"cut": _micros(cut), "latest": _micros(latest)}
        with_flow = self._sql(
            f"SELECT *, {FLOW} AS flow, occurred_at AS {OCCURRED_AT_US.name} FROM history", history=history
        )
        paired = self._sql(_PAIRED, times, ledger_history=with_flow, lake_copies=copies)
        assessed = self._sql(_ASSESSED, paired=paired)
        self._grouped = self._sql(_GROUPED, assessed=assessed).persist(StorageLevel.MEMORY_AND_DISK)
        self._register(grouped=self._grouped)
        self._unpaired = self._sql(
            f"SELECT *, newest > :cut AND newest <= :latest AS is_young FROM ({UNPAIRED})",
            times,
            transfer_events=transfers,
        ).persist(StorageLevel.MEMORY_AND_DISK)

    def take_months(self, rows: DataFrame, history: History) -> None:
        """Compare `account_months` with the view `events`. This reads the lake's compacted days a second time.

        Args:
            rows: the rows of its files, see `lake.read_months`.
            history: what queries read from there.
        """
        days = self._lake.where(f"NOT ({history.of_events()})")
        shown = self._sql(_LAKE, lake_rows=days.repartition(self._partitions, "account_id")).where("is_shown")
        self._register(
            copies_of_days=days,
            day_rows=self._sql(f"{OF_DAYS} FROM shown_of_days", shown_of_days=shown),
            month_rows=rows.where(history.of_months()),
        )
        self._register(differing_months=self._sql(differing(_DIGEST)).persist(StorageLevel.MEMORY_AND_DISK))
        self._has_months = True

    def untranslated(self) -> DataFrame:
        """The lines that `ledger.read` left to Python, as the column `line`. If there are any, compare again."""
        return self._sql(f"SELECT account_id AS line FROM grouped WHERE suspect.reason = '{UNTRANSLATED}'")

    def repeated(self) -> tuple[str, str] | None:
        """The account and the version of the first row that the export has more than once, if there is one."""
        found = self._sql(
            f"SELECT account_id, suspect.version AS version FROM grouped WHERE suspect.reason = '{REPEATED}' "
            "ORDER BY account_id, CAST(version AS double), version LIMIT 1"
        ).head()
        return found and (found["account_id"], found["version"])

    def evidence(self) -> Iterator[Evidence]:
        """See `Compared`."""
        suspects = self._sql(_SUSPECTS).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            if suspects.isEmpty():
                return
            keys = self._sql(
                "SELECT DISTINCT account_id, sequence FROM suspects WHERE in_lake AND (is_pair OR reason IS NOT NULL)",
                suspects=suspects,
            )
            again = self._lake.join(keys, ["account_id", "sequence"], "left_semi")
            copies = self._sql(_LAKE, lake_rows=again)
            for row in self._sql(_EVIDENCE, lake_again=copies).toLocalIterator():
                account_id, sequence, role, ledger, lake, reason = row
                yield Evidence(account_id, sequence, role, _values(ledger), _values(lake), reason)
        finally:
            suspects.unpersist()

    def compacted(self) -> Iterator[Evidence]:
        """See `Compared`."""
        if not self._has_months or self._session.table("differing_months").isEmpty():
            return
        for account_id, sequence, role, lake in self._sql(_COMPACTED).toLocalIterator():
            yield Evidence(account_id, sequence, role, None, _values(lake), None)

    def unpaired(self) -> Iterator[Evidence]:
        """See `Compared`."""
        found = self._sql(
            "SELECT account_id, sequence, event_id, note FROM unpaired WHERE NOT is_young "
            "ORDER BY account_id, sequence",
            unpaired=self._unpaired,
        )
        for account_id, sequence, event_id, note in found.toLocalIterator():
            yield Evidence(account_id, sequence, "unpaired", {"event_id": event_id}, None, note)

    def counted(self) -> Counted:
        """See `Compared`."""
        [row] = self._sql(
            "SELECT sum(ledger_events), count(DISTINCT CASE WHEN ledger_events > 0 THEN account_id END), "
            "sum(on_their_way), min(first_on_its_way), max(newest_in_ledger) FROM grouped"
        ).collect()
        events, accounts, on_their_way, first_on_its_way, newest = row
        young = self._unpaired.where("is_young").count()
        known = [each for each in (newest, first_on_its_way and first_on_its_way - 1) if each is not None]
        through = min(*known, _micros(self._cut), newest) if known else None
        return Counted(events or 0, accounts, (on_their_way or 0) + young, _utc(through))

    def totals(self) -> tuple[Total, ...]:
        """See `Compared`."""
        rows = self._sql(
            "SELECT currency, sum(ledger), sum(lake) FROM ("
            "SELECT ledger_currency AS currency, ledger_flow AS ledger, NULL AS lake FROM grouped "
            "WHERE ledger_events > 0 UNION ALL "
            "SELECT coalesce(lake_currency, ''), NULL, lake_flow FROM grouped WHERE lake_events > 0"
            ") GROUP BY currency ORDER BY currency"
        ).collect()
        return tuple(
            Total(currency, ledger or Decimal("0.00"), lake or Decimal("0.00")) for currency, ledger, lake in rows
        )

    def accounts(self, account_ids: Sequence[str]) -> tuple[AccountFound, ...]:
        """See `Compared`."""
        rows = self._sql(
            "SELECT account_id, min(least(ledger_currency, lake_currency)), sum(ledger_events), max(ledger_sequence), "
            "sum(ledger_flow), sum(lake_events), max(lake_sequence), sum(lake_flow) FROM of_accounts "
            "GROUP BY account_id HAVING sum(ledger_events) + sum(lake_events) > 0 ORDER BY 1",
            of_accounts=self._grouped.where(self._grouped["account_id"].isin(*account_ids)),
        ).collect()
        return tuple(
            AccountFound(account_id, currency or "", _standing(*sides[:3]), _standing(*sides[3:]))
            for account_id, currency, *sides in rows
        )

    def lateness(self) -> Lateness:
        """See `Compared`."""
        [(ledger, lake, longest)] = self._sql(
            "SELECT max(newest_in_ledger), max(newest_in_lake), max(longest) FROM grouped"
        ).collect()
        behind_s = None if ledger is None or lake is None else max((ledger - lake) / _PER_SECOND, 0.0)
        return Lateness(_utc(ledger), _utc(lake), behind_s, None if longest is None else longest / _PER_SECOND)

    def _sql(self, sql: str, parameters: dict[str, Any] | None = None, **tables: DataFrame) -> DataFrame:
        self._register(**tables)
        return self._session.sql(sql, parameters)

    @staticmethod
    def _register(**tables: DataFrame) -> None:
        for name, frame in tables.items():
            frame.createOrReplaceTempView(name)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _utc(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + micros * _MICROSECOND


def _values(row: Row | None) -> dict[str, Any] | None:
    """An event's values, with times as DuckDB has them: UTC without an offset."""
    if row is None:
        return None
    values: dict[str, Any] = row.asDict()
    instants = {name: _utc(values[name]) for name in TIMES if name in values}
    return values | {name: instant and instant.replace(tzinfo=None) for name, instant in instants.items()}


def _standing(events: int, sequence: int | None, balance: Decimal | None) -> Standing:
    return Standing(events, sequence or 0, balance or Decimal("0.00"))
