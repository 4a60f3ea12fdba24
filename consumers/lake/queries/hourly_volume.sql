-- hourly_volume: A day's events by hour and currency, counted and summed by type.
-- There are 24 rows for each currency with events on the day, or 24 rows without a currency if there are no events.
-- Athena rounds times to milliseconds: a time just before midnight reads as the next day's midnight. Such an event is
-- counted in the last hour.
-- parameter: day (date) the day, UTC
WITH with_hour AS (
  SELECT
    currency,
    event_type,
    amount,
    CASE WHEN CAST(occurred_at AS date) > CAST(dt AS date) THEN 23 ELSE extract(HOUR FROM occurred_at) END AS hour
  FROM events
  WHERE dt = ?
),
of_the_day AS (
  SELECT
    currency,
    hour,
    sum(CASE WHEN event_type = 'AccountCreated' THEN 1 ELSE 0 END) AS opened,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
    sum(CASE WHEN event_type = 'BalanceCredited' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS credited,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
    sum(CASE WHEN event_type = 'BalanceWithdrawn' THEN amount ELSE CAST(0 AS decimal(18, 2)) END) AS withdrawn
  FROM with_hour
  GROUP BY currency, hour
),
-- Joins each row with all 24 hours, so that the day is read only once. The sums below count a row in its own hour.
hours AS (
  SELECT hours.hour, of_the_day.currency, of_the_day.hour AS moved_in, of_the_day.opened, of_the_day.credits,
    of_the_day.credited, of_the_day.withdrawals, of_the_day.withdrawn
  FROM (
    VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11),
      (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23)
  ) AS hours (hour)
  LEFT JOIN of_the_day ON true
)
SELECT
  CAST(hour AS bigint) AS hour,
  currency,
  sum(CASE WHEN hour = moved_in THEN opened ELSE 0 END) AS opened,
  sum(CASE WHEN hour = moved_in THEN credits ELSE 0 END) AS credits,
  sum(CASE WHEN hour = moved_in THEN credited ELSE CAST(0 AS decimal(38, 2)) END) AS credited,
  sum(CASE WHEN hour = moved_in THEN withdrawals ELSE 0 END) AS withdrawals,
  sum(CASE WHEN hour = moved_in THEN withdrawn ELSE CAST(0 AS decimal(38, 2)) END) AS withdrawn
FROM hours
GROUP BY hour, currency
ORDER BY hour, currency
