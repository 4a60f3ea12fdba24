-- report_totals: Each day's movements in a range of days, for each currency. A row without a day sums all earlier days.
-- Reads only `daily_totals`. A balance is the sum of `credited - withdrawn` over all days up to and including its day.
-- parameter: first (date) the first day with a row
-- parameter: first
-- parameter: day (date) the last day
-- ordered: first <= day
SELECT
  CAST(NULL AS varchar) AS day,
  currency,
  CAST(sum(opened) AS bigint) AS opened,
  CAST(sum(credits) AS bigint) AS credits,
  CAST(sum(credited) AS decimal(38, 2)) AS credited,
  CAST(sum(withdrawals) AS bigint) AS withdrawals,
  CAST(sum(withdrawn) AS decimal(38, 2)) AS withdrawn,
  CAST(sum(events) AS bigint) AS events
FROM daily_totals
WHERE dt < ?
GROUP BY currency
UNION ALL
SELECT
  dt AS day,
  currency,
  opened,
  credits,
  credited,
  withdrawals,
  withdrawn,
  events
FROM daily_totals
WHERE dt >= ?
  AND dt <= ?
ORDER BY day NULLS FIRST, currency
