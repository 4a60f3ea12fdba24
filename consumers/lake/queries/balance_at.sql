-- balance_at: The balance of an account at a moment, and the event that led to it.
-- The result is one row. `existed` is false if the account has no event up to the moment. An event exactly at the
-- moment counts. Moments are compared in microseconds. In files of older releases, which lack `occurred_at_us`, Athena
-- rounds times to milliseconds: there, an event less than a millisecond after the moment may count, too.
-- parameter: account (string) the account's id
-- parameter: bucket of account
-- parameter: moment (timestamp) the moment, UTC
-- parameter: month of moment
-- parameter: day of moment
-- parameter: microseconds of moment
WITH until_then AS (
  SELECT
    account_id,
    currency,
    balance,
    sequence,
    event_id,
    event_type,
    amount,
    occurred_at,
    correlation_id,
    causation_id,
    request_id,
    row_number() OVER (ORDER BY sequence DESC) AS back
  FROM account_history
  WHERE account_id = ?
    AND account_bucket = ?
    AND (occurred_at_us IS NOT NULL OR occurred_at <= CAST(? AS timestamp))
    AND dt_month <= ?
    AND dt <= ?
    AND (occurred_at_us IS NULL OR occurred_at_us <= CAST(? AS bigint))
),
newest AS (
  SELECT *
  FROM until_then
  WHERE back = 1
)
SELECT
  newest.account_id IS NOT NULL AS existed,
  newest.account_id,
  newest.balance,
  newest.currency,
  newest.sequence,
  newest.event_id,
  newest.event_type,
  newest.amount,
  newest.occurred_at,
  newest.correlation_id,
  newest.causation_id,
  newest.request_id
FROM (VALUES (1)) AS asked (once)
LEFT JOIN newest ON newest.back = asked.once
