-- hourly_volume: A day hour by hour, for each currency that moved on it; hours without events as well.
-- parameter: day (date) the day, UTC
-- parameter: day
WITH hours AS (
  SELECT CAST(hour_of_day AS bigint) AS hour_of_day
  FROM (VALUES
    (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11),
    (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23)
  ) AS numbers (hour_of_day)
),
currencies AS (
  SELECT DISTINCT currency FROM events WHERE dt = ?
),
moved AS (
  SELECT
    CAST(extract(HOUR FROM occurred_at) AS bigint) AS hour_of_day,
    currency,
    sum(CASE WHEN event_type = 'AccountCreated' THEN 1 ELSE 0 END) AS opened,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS credited,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS withdrawn
  FROM events
  WHERE dt = ?
  GROUP BY CAST(extract(HOUR FROM occurred_at) AS bigint), currency
)
SELECT
  hours.hour_of_day,
  currencies.currency,
  coalesce(moved.opened, 0) AS opened,
  coalesce(moved.credits, 0) AS credits,
  CAST(coalesce(moved.credited, 0) AS decimal(38, 2)) AS credited,
  coalesce(moved.withdrawals, 0) AS withdrawals,
  CAST(coalesce(moved.withdrawn, 0) AS decimal(38, 2)) AS withdrawn
FROM hours
CROSS JOIN currencies
LEFT JOIN moved ON moved.hour_of_day = hours.hour_of_day AND moved.currency = currencies.currency
ORDER BY currencies.currency, hours.hour_of_day
