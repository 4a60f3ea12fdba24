"""Generates a lake of millions of events with DuckDB: consistent histories in the layout that Firehose produces.

The result is deterministic. A few accounts have most of the events. Each even event of an account is a credit, and the
following odd event withdraws a part of it, so balances follow from one another and are never negative.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from consumers.lake import table

FIRST_DAY = "2026-01-01"
EVENTS_PER_ACCOUNT = 50
REPEATED_PER_MILLE = 1
"""How many of a thousand events Firehose delivers twice; the copy is in a separate file."""


@dataclass(frozen=True, slots=True)
class Size:
    """Attributes: `flush_minutes` is Firehose's buffer interval, after which it writes a file per partition."""

    events: int
    days: int
    flush_minutes: int

    @property
    def accounts(self) -> int:
        return max(1, self.events // EVENTS_PER_ACCOUNT)


def generate(
    root: Path,
    size: Size,
    connection: duckdb.DuckDBPyConnection,
    also: Callable[[duckdb.DuckDBPyConnection], object] = lambda _connection: None,
) -> None:
    """Write the lake's events below `root`, which must not contain any events.

    Args:
        root: the lake's folder.
        size: how many events.
        connection: a connection of DuckDB.
        also: called while the connection has the events, as the table `made`.
    """
    connection.execute(_EVENTS, {"events": size.events, "accounts": size.accounts, "days": size.days})
    columns = ", ".join(column.name for column in table.COLUMNS)
    copies = f"SELECT *, 0 AS copy FROM made UNION ALL SELECT *, 1 FROM made WHERE n % 1000 < {REPEATED_PER_MILLE}"
    flush = f"time_bucket(INTERVAL {size.flush_minutes} MINUTE, published_at)"
    connection.execute(
        f"""
        COPY (
          SELECT {columns}, dt, event_type, strftime({flush}, '%Y%m%d-%H%M') || '-' || copy AS flush
          FROM ({copies}) ORDER BY flush, n
        ) TO '{root / "unfinished"}' (FORMAT parquet, PARTITION_BY (dt, event_type, flush), COMPRESSION snappy)
        """
    )
    for file in sorted((root / "unfinished").glob("*/*/*/*.parquet")):
        dt, event_type, flush = (part.split("=")[1] for part in file.parent.parts[-3:])
        final = root / table.partition_prefix(dt, event_type) / f"{flush}-{file.name}"
        final.parent.mkdir(parents=True, exist_ok=True)
        file.rename(final)
    for folder in sorted((root / "unfinished").rglob("*"), reverse=True):
        folder.rmdir()
    (root / "unfinished").rmdir()
    also(connection)
    connection.execute("DROP TABLE made")


_EVENTS = f"""
CREATE OR REPLACE TABLE made AS
WITH drawn AS (
  SELECT
    n,
    DATE '{FIRST_DAY}' + to_microseconds(CAST(n * ($days * 86400.0e6 / $events) AS BIGINT)) AS occurred_at,
    -- the cube of a uniform number between 0 and 1 is mostly small, so a few accounts have most of the events
    CAST(floor(pow((hash(n, 'account') % 1000003) / 1000003.0, 3) * $accounts) AS BIGINT) AS account,
    hash(n, 'pause') % 4000 AS pause_ms
  FROM range($events) AS numbers(n)
),
numbered AS (
  SELECT *, row_number() OVER (PARTITION BY account ORDER BY n) AS sequence FROM drawn
),
moved AS (
  SELECT
    *,
    -- in cents: the amount that the even event credits, and the percentage that the odd event withdraws
    100 + hash(account, sequence // 2, 'paid') % 49900 AS paid,
    1 + hash(account, sequence, 'part') % 100 AS percent
  FROM numbered
),
signed AS (
  SELECT
    *,
    CASE WHEN sequence = 1 THEN 0 WHEN sequence % 2 = 0 THEN paid ELSE -(paid * percent // 100) END AS cents
  FROM (SELECT * REPLACE (CAST(paid AS BIGINT) AS paid, CAST(percent AS BIGINT) AS percent) FROM moved)
),
described AS (
  SELECT
    *,
    'a-' || lpad(CAST(account AS VARCHAR), 8, '0') AS account_id,
    CASE
      WHEN sequence = 1 THEN 'AccountCreated' WHEN sequence % 2 = 0 THEN 'BalanceCredited' ELSE 'BalanceWithdrawn'
    END AS event_type,
    CASE account % 4 WHEN 0 THEN 'USD' WHEN 1 THEN 'CHF' ELSE 'EUR' END AS currency,
    sum(cents) OVER (PARTITION BY account ORDER BY sequence) AS balance_cents
  FROM signed
)
SELECT
  n,
  account_id || ':' || sequence AS event_id,
  account_id,
  sequence,
  CAST(occurred_at AS TIMESTAMP) AS occurred_at,
  CAST(md5(CAST(n AS VARCHAR)) AS VARCHAR) AS correlation_id,
  CASE WHEN n % 2 = 0 THEN CAST(md5('command' || n) AS VARCHAR) END AS causation_id,
  CAST(md5('request' || n) AS VARCHAR) AS request_id,
  CASE WHEN sequence = 1 THEN 'owner-' || account // 2 END AS owner,
  currency,
  CASE WHEN sequence > 1 THEN CAST(CAST(abs(cents) AS DECIMAL(38, 0)) * 0.01 AS DECIMAL(18, 2)) END AS amount,
  CAST(CAST(balance_cents AS DECIMAL(38, 0)) * 0.01 AS DECIMAL(18, 2)) AS balance,
  CAST(occurred_at + to_milliseconds(400 + pause_ms) AS TIMESTAMP) AS published_at,
  CASE event_type
    WHEN 'AccountCreated' THEN '34c8165f77476d94' WHEN 'BalanceCredited' THEN '53979a54a20957d6' ELSE 'bd2a18baee59521b'
  END AS schema_fingerprint,
  epoch_us(occurred_at) AS occurred_at_us,
  CAST(NULL AS VARCHAR) AS transfer_id,
  CAST(NULL AS VARCHAR) AS counterparty_account_id,
  strftime(occurred_at, '%Y-%m-%d') AS dt,
  event_type
FROM described
"""
