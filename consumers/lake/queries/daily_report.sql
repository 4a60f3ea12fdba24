-- daily_report: A day's accounts opened, credits, withdrawals, net flow, opening and closing balance, for each currency.
-- A currency without events on the day is listed with its balance. Flows come from the day's events, and balances from
-- `daily_totals`. `totals_through` is the last day in `daily_totals` before the report's day. If a day between the two
-- has events, the balances are wrong: run `account-events lake totals` first.
-- parameter: day (date) the day, UTC
-- parameter: day
WITH moved AS (
  SELECT
    currency,
    sum(CASE WHEN event_type = 'AccountCreated' THEN 1 ELSE 0 END) AS opened,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS credited,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS withdrawn,
    count(DISTINCT account_id) AS accounts
  FROM events
  WHERE dt = ?
  GROUP BY currency
),
earlier AS (
  SELECT
    currency,
    sum(credited - withdrawn) AS balance,
    max(dt) AS last_dt
  FROM daily_totals
  WHERE dt < ?
  GROUP BY currency
),
combined AS (
  SELECT
    coalesce(moved.currency, earlier.currency) AS currency,
    coalesce(moved.accounts, 0) AS accounts,
    coalesce(moved.opened, 0) AS opened,
    coalesce(moved.credits, 0) AS credits,
    CAST(coalesce(moved.credited, 0) AS decimal(38, 2)) AS credited,
    coalesce(moved.withdrawals, 0) AS withdrawals,
    CAST(coalesce(moved.withdrawn, 0) AS decimal(38, 2)) AS withdrawn,
    CAST(coalesce(earlier.balance, 0) AS decimal(38, 2)) AS opening_balance
  FROM moved
  FULL JOIN earlier ON earlier.currency = moved.currency
)
SELECT
  currency,
  accounts,
  opened,
  credits,
  credited,
  withdrawals,
  withdrawn,
  credited - withdrawn AS net_flow,
  opening_balance,
  opening_balance + credited - withdrawn AS closing_balance,
  (SELECT max(last_dt) FROM earlier) AS totals_through
FROM combined
ORDER BY currency
