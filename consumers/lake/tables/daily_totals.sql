-- daily_totals: one day's rows of the table `daily_totals`, a row for each currency with events on that day.
-- A closing balance is the sum of `credited - withdrawn` over all days up to and including its day. Therefore a late
-- event changes only the rows of its own day.
-- parameter: day (date) the day
SELECT
  currency,
  sum(CASE WHEN event_type = 'AccountCreated' THEN 1 ELSE 0 END) AS opened,
  sum(CASE WHEN event_type = 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
  sum(CASE WHEN event_type = 'BalanceCredited' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS credited,
  sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
  sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS withdrawn,
  count(*) AS events,
  count(DISTINCT account_id) AS accounts
FROM events
WHERE dt = ?
GROUP BY currency
ORDER BY currency
