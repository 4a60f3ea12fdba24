-- daily_totals: the rows of the table `daily_totals` of some days, one for each day and currency that moved.
-- A closing balance is the sum of `credited - withdrawn` over all days until then: additive, so that an event that comes late
-- changes its own day's rows and no others.
-- parameter: from (date) the first day
-- parameter: to (date) the last day
SELECT
  dt,
  currency,
  sum(CASE WHEN event_type = 'AccountCreated' THEN 1 ELSE 0 END) AS opened,
  sum(CASE WHEN event_type = 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
  sum(CASE WHEN event_type = 'BalanceCredited' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS credited,
  sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
  sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS withdrawn,
  count(*) AS events,
  count(DISTINCT account_id) AS accounts
FROM events
WHERE dt >= ? AND dt <= ?
GROUP BY dt, currency
ORDER BY dt, currency
