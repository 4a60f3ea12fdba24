-- daily_report: What a day brought, by currency, and the balance of all accounts before and after it.
-- `totals_until` is the last day before it that has been summed up: `account-events lake totals` makes the days that are missing.
-- parameter: day (date) the day, UTC
-- parameter: day
-- parameter: day
WITH moved AS (
  SELECT
    currency,
    sum(CASE WHEN event_type = 'AccountCreated' THEN 1 ELSE 0 END) AS opened,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS credited,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS withdrawn
  FROM events
  WHERE dt = ?
  GROUP BY currency
),
earlier AS (
  SELECT currency, sum(credited - withdrawn) AS balance
  FROM daily_totals
  WHERE dt < ?
  GROUP BY currency
),
flows AS (
  SELECT
    coalesce(moved.currency, earlier.currency) AS currency,
    coalesce(moved.opened, 0) AS opened,
    coalesce(moved.credits, 0) AS credits,
    CAST(coalesce(moved.credited, 0) AS decimal(38, 2)) AS credited,
    coalesce(moved.withdrawals, 0) AS withdrawals,
    CAST(coalesce(moved.withdrawn, 0) AS decimal(38, 2)) AS withdrawn,
    CAST(coalesce(earlier.balance, 0) AS decimal(38, 2)) AS opening_balance
  FROM moved
  FULL OUTER JOIN earlier ON moved.currency = earlier.currency
)
SELECT
  currency,
  opened,
  credits,
  credited,
  withdrawals,
  withdrawn,
  CAST(credited - withdrawn AS decimal(38, 2)) AS net_flow,
  opening_balance,
  CAST(opening_balance + credited - withdrawn AS decimal(38, 2)) AS closing_balance,
  (SELECT max(dt) FROM daily_totals WHERE dt < ?) AS totals_until
FROM flows
ORDER BY currency
