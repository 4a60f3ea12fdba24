-- report_day: A day's events, counted and summed for each currency, hour (UTC) and type. Hours without events are left out.
-- Athena rounds times to milliseconds: a time just before midnight reads as the next day's midnight. Such an event is
-- counted in the last hour.
-- parameter: day (date) the day
SELECT
  currency,
  hour,
  event_type,
  count(*) AS events,
  sum(amount) AS amount,
  max(occurred_at) AS newest_occurred_at,
  max(published_at) AS newest_published_at
FROM (
  SELECT
    currency,
    CAST(CASE WHEN CAST(occurred_at AS date) > CAST(dt AS date) THEN 23 ELSE extract(HOUR FROM occurred_at) END AS bigint) AS hour,
    event_type,
    amount,
    occurred_at,
    published_at
  FROM events
  WHERE dt = ?
) AS of_the_day
GROUP BY currency, hour, event_type
ORDER BY currency, hour, event_type
