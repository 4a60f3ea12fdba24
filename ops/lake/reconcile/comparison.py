"""Compares ledger and lake in DuckDB, in a database file, so that neither has to fit into memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from consumers.lake import table
from consumers.lake.added_columns import OCCURRED_AT_US, PARTITION_KEYS
from consumers.lake.delivery.parquet import arrow_schema
from ops.lake.query.duckdb_engine import EVENTS_VIEW, in_duckdb, with_rows
from ops.lake.query.history import History
from ops.lake.reconcile.compacted import FIRST_COPIES, OF_DAYS, ROW, differing
from ops.lake.reconcile.differences import FIELDS, KEYS, Evidence, same
from ops.lake.reconcile.ledger_history import FLOW, HISTORY, IS_AFTER_GAP, unbalanced
from ops.lake.reconcile.ledger_rows import LedgerEvent, Unreadable
from ops.lake.reconcile.outcome import Counted
from ops.lake.reconcile.result import AccountFound, Lateness, Standing, Total
from ops.ledger.transfers import UNPAIRED

if TYPE_CHECKING:
    import duckdb

LEDGER = arrow_schema([*((column.name, column.glue_type) for column in table.EVENT_FIELDS), ("event_type", "string")])
_UNREADABLE = pa.schema([("account_id", pa.string()), ("sequence", pa.int64()), ("reason", pa.string())])
_COLUMNS = [column.name for column in (*table.COLUMNS, *PARTITION_KEYS)]
FETCHED = 10_000


def _struct(side: str, names: Iterable[str]) -> str:
    return "{" + ", ".join(f"'{name}': {side}.{name}" for name in names) + "}"


# A row of the lake may lack values that every event has. It is compared nevertheless.
_LAKE_COPY = "SELECT * REPLACE (coalesce(account_id, '') AS account_id, coalesce(sequence, 0) AS sequence)"

_SHOWN_AND_COPIES = f"""
CREATE OR REPLACE TABLE shown AS SELECT * FROM events;
CREATE OR REPLACE TABLE copies AS
  SELECT DISTINCT s.account_id AS at_account_id, s.sequence AS at_sequence,
    {", ".join(f"c.{name}" for name in (*KEYS, *FIELDS))}
  FROM account_events c JOIN shown s ON {same("c", "s", ("dt", "event_type", "account_id", "sequence"))}
  WHERE NOT ({same("c", "s", (*KEYS, *FIELDS))});
"""

_PREPARE = f"""
CREATE TABLE suspects AS
  SELECT coalesce(l.account_id, s.account_id) AS account_id, coalesce(l.sequence, s.sequence) AS sequence
  FROM ledger l FULL JOIN shown s ON l.account_id = s.account_id AND l.sequence = s.sequence
  WHERE l.account_id IS NULL OR s.account_id IS NULL OR NOT ({same("l", "s", FIELDS)})
  UNION
  SELECT account_id, sequence FROM shown GROUP BY ALL HAVING count(*) > 1;
INSERT INTO suspects
  SELECT DISTINCT at_account_id, at_sequence FROM copies EXCEPT SELECT account_id, sequence FROM suspects;
CREATE TABLE on_their_way AS
  SELECT l.account_id, l.sequence, l.occurred_at
  FROM ledger l ANTI JOIN shown s ON l.account_id = s.account_id AND l.sequence = s.sequence
  WHERE l.occurred_at > $cut AND l.occurred_at <= $latest;
DELETE FROM suspects USING on_their_way o
  WHERE suspects.account_id = o.account_id AND suspects.sequence = o.sequence;
DELETE FROM suspects USING unreadable u
  WHERE suspects.account_id = u.account_id AND suspects.sequence = u.sequence;
CREATE VIEW ledger_rows AS FROM (SELECT *, NULL AS reason FROM ledger UNION ALL BY NAME FROM unreadable);
CREATE TABLE odd AS
  SELECT *, {IS_AFTER_GAP} AND NOT coalesce(occurred_at > $cut AND occurred_at <= $latest, false) AS is_after_gap
  FROM ({HISTORY}) WHERE {IS_AFTER_GAP} OR error <> 0;
CREATE VIEW errors AS FROM odd WHERE error <> 0;
CREATE VIEW ledger_compared AS
  SELECT l.* FROM ledger l ANTI JOIN on_their_way o ON l.account_id = o.account_id AND l.sequence = o.sequence;
CREATE VIEW lake_compared AS
  SELECT s.* FROM shown s ANTI JOIN unreadable u ON s.account_id = u.account_id AND s.sequence = u.sequence;
CREATE VIEW transfer_events AS FROM ledger WHERE transfer_id IS NOT NULL;
CREATE TABLE unpaired AS
  SELECT *, newest > $cut AND newest <= $latest AS is_young FROM ({UNPAIRED});
CREATE VIEW waiting AS
  SELECT occurred_at FROM on_their_way UNION ALL SELECT newest FROM unpaired WHERE is_young;
"""

_EVIDENCE = f"""
SELECT k.account_id, k.sequence, 'shown',
  CASE WHEN l.account_id IS NOT NULL THEN {_struct("l", (*KEYS, *FIELDS))} END,
  CASE WHEN s.account_id IS NOT NULL THEN {_struct("s", (*KEYS, *FIELDS))} END,
  NULL
FROM suspects k
LEFT JOIN ledger l ON k.account_id = l.account_id AND k.sequence = l.sequence
LEFT JOIN shown s ON k.account_id = s.account_id AND k.sequence = s.sequence
UNION ALL
SELECT k.account_id, k.sequence, 'copy', NULL, {_struct("c", (*KEYS, *FIELDS))}, NULL
FROM suspects k JOIN copies c ON k.account_id = c.at_account_id AND k.sequence = c.at_sequence
UNION ALL
SELECT u.account_id, u.sequence, 'unreadable', NULL,
  CASE WHEN s.account_id IS NOT NULL THEN {_struct("s", (*KEYS, *FIELDS))} END,
  u.reason
FROM unreadable u
LEFT JOIN shown s ON u.account_id = s.account_id AND u.sequence = s.sequence
UNION ALL
SELECT account_id, sequence, 'gap', CASE WHEN reason IS NULL THEN {_struct("odd", (*KEYS, *FIELDS))} END, NULL,
  CAST(coalesce(before, 0) AS varchar)
FROM odd WHERE is_after_gap
UNION ALL
SELECT account_id, sequence, 'unbalanced', {_struct("wrong", (*KEYS, *FIELDS))}, NULL, CAST(balance - error AS varchar)
FROM ({unbalanced("errors")}) AS wrong
ORDER BY 1, 2 NULLS LAST, 3 DESC, 5
"""


_ROW = _struct("rows_of_one", ROW)
_COMPACTED = f"""
SELECT d.account_id, d.sequence, role, NULL, {_ROW}, NULL FROM differing_months d JOIN (
  SELECT 'day' AS role, {", ".join(ROW)} FROM ({FIRST_COPIES}) AS first_copies
  UNION ALL SELECT 'month', {", ".join(ROW)} FROM month_rows
) AS rows_of_one ON d.account_id = rows_of_one.account_id AND d.sequence = rows_of_one.sequence
ORDER BY 1, 2
"""

_UNPAIRED = """
SELECT account_id, sequence, 'unpaired', {'event_id': event_id}, NULL, note FROM unpaired WHERE NOT is_young
ORDER BY 1, 2
"""


class Comparison:
    """One comparison: fill it with `read_lake`, `take` and `take_missing`, call `prepare` once, then read the results.

    Args:
        connection: the connection of a `DuckDBEngine`. The comparison changes its default catalog.
        folder: a folder for temporary files, which may grow to several times the size of ledger and lake.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", folder: Path) -> None:
        self._connection = connection
        self._has_months = False
        place = str(folder).replace("'", "''")
        connection.execute(f"SET temp_directory = '{place}'; SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{place}/comparison.duckdb' AS work; USE work")
        for name, schema in (("ledger", LEDGER), ("unreadable", _UNREADABLE)):
            with_rows(self._connection, f"CREATE TABLE {name} AS FROM rows", schema.empty_table())
        connection.execute("ALTER TABLE ledger ADD COLUMN dt VARCHAR")
        connection.execute(f"ALTER TABLE ledger ADD COLUMN {OCCURRED_AT_US.name} BIGINT")

    def take(self, events: Sequence[LedgerEvent], unreadable: Sequence[Unreadable]) -> None:
        """Add rows of the ledger. Pass each row only once."""
        if events:
            rows = pa.Table.from_pylist(events, schema=LEDGER)
            with_rows(
                self._connection,
                "INSERT INTO ledger SELECT *, left(CAST(occurred_at AS VARCHAR), 10), epoch_us(occurred_at) FROM rows",
                rows,
            )
        if unreadable:
            rows = pa.Table.from_pylist([each._asdict() for each in unreadable], schema=_UNREADABLE)
            with_rows(self._connection, "INSERT INTO unreadable FROM rows", rows)

    def read_lake(self, events: str) -> None:
        """Read the lake's rows and those that the view `events` shows. The ledger's rows are not needed yet.

        Args:
            events: SQL for the lake's `account_events`, see `DuckDBEngine.listed_events`.
        """
        self._connection.execute(f"CREATE TABLE account_events AS {_LAKE_COPY} FROM ({events})")
        self._connection.execute(in_duckdb(EVENTS_VIEW))
        self._run(_SHOWN_AND_COPIES)

    def interrupt(self) -> None:
        """Interrupt the statement that another thread is running."""
        self._connection.interrupt()

    def missing_days(self, cut: datetime) -> list[str]:
        """The days with events that the lake lacks, although it should have them by now."""
        self._connection.execute(
            "CREATE OR REPLACE TABLE missing AS SELECT l.account_id, l.sequence, l.dt FROM ledger l ANTI JOIN "
            "account_events e ON l.account_id = e.account_id AND l.sequence = e.sequence WHERE l.occurred_at <= $cut",
            {"cut": cut},
        )
        return [dt for (dt,) in self._connection.execute("SELECT DISTINCT dt FROM missing ORDER BY dt").fetchall()]

    def take_missing(self, lake: "duckdb.DuckDBPyConnection", days: Sequence[str]) -> None:
        """Add missing events that have arrived since. Other new events are ignored, as the ledger was read before."""
        listed = ", ".join(f"'{day}'" for day in days)
        sql = f"{_LAKE_COPY} FROM account_events WHERE dt IN ({listed})"
        rows = lake.execute(sql).to_arrow_reader()
        with_rows(
            self._connection,
            f"INSERT INTO account_events SELECT {', '.join(f'rows.{name}' for name in _COLUMNS)} FROM rows "
            "SEMI JOIN missing m ON rows.account_id = m.account_id AND rows.sequence = m.sequence",
            rows,
        )
        self._run(_SHOWN_AND_COPIES)

    def take_months(self, lake: "duckdb.DuckDBPyConnection", history: History) -> None:
        """Read the rows of `account_months` that queries read, and compare them with the view `events`.

        Args:
            lake: the connection of an engine with `account_months`.
            history: what queries read from there.
        """
        rows = lake.execute(f"{_LAKE_COPY} FROM account_months WHERE {history.of_months()}").to_arrow_reader()
        with_rows(self._connection, f"CREATE TABLE month_rows AS SELECT {', '.join(ROW)} FROM rows", rows)
        digest = f"CAST(hash({', '.join(ROW)}) AS HUGEINT)"
        of_days = f"NOT ({history.of_events()})"
        self._run(
            f"CREATE VIEW copies_of_days AS FROM account_events WHERE {of_days};\n"
            f"CREATE VIEW day_rows AS {OF_DAYS} FROM shown WHERE {of_days};\n"
            f"CREATE TABLE differing_months AS {differing(digest)}"
        )
        self._has_months = True

    def prepare(self, cut: datetime, latest: datetime) -> None:
        """Compare ledger and lake. A missing event that occurred between the two times counts as on its way.

        Args:
            cut: events that occurred until then should be in the lake; UTC.
            latest: events dated later never arrive, because the transform refuses them; UTC.
        """
        self._run(_PREPARE, {"cut": cut, "latest": latest})

    def evidence(self) -> Iterator[Evidence]:
        """The evidence of all events that differ, ordered by account and sequence."""
        found = self._connection.execute(_EVIDENCE)
        while rows := found.fetchmany(FETCHED):
            yield from (Evidence(*row) for row in rows)

    def compacted(self) -> Iterator[Evidence]:
        """See `Compared`."""
        if not self._has_months:
            return
        with self._connection.cursor() as cursor:  # because `evidence` may not have ended
            found = cursor.execute("USE work").execute(_COMPACTED)
            while rows := found.fetchmany(FETCHED):
                yield from (Evidence(*row) for row in rows)

    def unpaired(self) -> Iterator[Evidence]:
        """See `Compared`."""
        with self._connection.cursor() as cursor:  # as above
            found = cursor.execute("USE work").execute(_UNPAIRED)
            while rows := found.fetchmany(FETCHED):
                yield from (Evidence(*row) for row in rows)

    def counted(self) -> Counted:
        """The numbers of events and accounts that were compared."""
        [row] = self._connection.execute(
            "SELECT (SELECT count(*) FROM ledger_compared), (SELECT count(DISTINCT account_id) FROM ledger_compared), "
            "(SELECT count(*) FROM waiting), (SELECT CASE WHEN count(*) > 0 THEN min(occurred_at) - INTERVAL 1 "
            "MICROSECOND ELSE (SELECT max(occurred_at) FROM ledger) END FROM waiting)"
        ).fetchall()
        events, accounts, on_their_way, through = row
        return Counted(events, accounts, on_their_way, _utc(through))

    def totals(self) -> tuple[Total, ...]:
        """The totals by currency."""
        rows = self._connection.execute(
            f"SELECT currency, sum(ledger), sum(lake) FROM (SELECT currency, {FLOW} AS ledger, NULL AS lake "
            f"FROM ledger_compared UNION ALL SELECT coalesce(currency, ''), NULL, {FLOW} FROM lake_compared) "
            "GROUP BY currency ORDER BY currency"
        ).fetchall()
        return tuple(
            Total(currency, ledger or Decimal("0.00"), lake or Decimal("0.00")) for currency, ledger, lake in rows
        )

    def accounts(self, account_ids: Sequence[str]) -> tuple[AccountFound, ...]:
        """These accounts, as they are in the ledger and in the lake."""
        rows = self._connection.execute(
            f"SELECT account_id, min(currency), count(*) FILTER (is_ledger), max(sequence) FILTER (is_ledger), "
            "sum(flow) FILTER (is_ledger), count(*) FILTER (NOT is_ledger), max(sequence) FILTER (NOT is_ledger), "
            f"sum(flow) FILTER (NOT is_ledger) FROM (SELECT account_id, currency, sequence, {FLOW} AS flow, "
            f"true AS is_ledger FROM ledger_compared UNION ALL SELECT account_id, currency, sequence, {FLOW}, false "
            "FROM lake_compared) WHERE account_id IN (SELECT unnest($account_ids)) GROUP BY account_id ORDER BY 1",
            {"account_ids": list(account_ids)},
        ).fetchall()
        return tuple(
            AccountFound(account_id, currency or "", _standing(*ledger_and_lake[:3]), _standing(*ledger_and_lake[3:]))
            for account_id, currency, *ledger_and_lake in rows
        )

    def lateness(self) -> Lateness:
        """How late the lake is, over all events."""
        [(ledger, lake, longest_us)] = self._connection.execute(
            "SELECT (SELECT max(occurred_at) FROM ledger), (SELECT max(occurred_at) FROM shown), "
            "(SELECT max(epoch_us(published_at) - epoch_us(occurred_at)) FROM shown)"
        ).fetchall()
        behind_s = max((ledger - lake).total_seconds(), 0.0) if ledger and lake else None
        return Lateness(_utc(ledger), _utc(lake), behind_s, None if longest_us is None else longest_us / 1_000_000)

    def _run(self, statements: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run the statements one by one: DuckDB does not accept parameters for several at once."""
        for statement in filter(str.strip, statements.split(";\n")):
            given = {name: value for name, value in (parameters or {}).items() if f"${name}" in statement}
            self._connection.execute(statement, given or None)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)


def _standing(events: int, sequence: int | None, balance: Decimal | None) -> Standing:
    return Standing(events, sequence or 0, balance or Decimal("0.00"))
