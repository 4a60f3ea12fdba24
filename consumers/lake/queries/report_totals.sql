-- report_totals: What moved on each day until a day, for each currency; the days before the first one together, without a date.
-- Reads `daily_totals` alone. A balance is the sum of `credited - withdrawn` over all days until then.
-- parameter: first (date) the first day to tell by itself
-- parameter: day (date) the last day
SELECT
  day,
  currency,
  CAST(sum(opened) AS bigint) AS opened,
  CAST(sum(credits) AS bigint) AS credits,
  CAST(sum(credited) AS decimal(38, 2)) AS credited,
  CAST(sum(withdrawals) AS bigint) AS withdrawals,
  CAST(sum(withdrawn) AS decimal(38, 2)) AS withdrawn,
  CAST(sum(events) AS bigint) AS events
FROM (
  SELECT
    CASE WHEN dt >= ? THEN dt END AS day,
    currency,
    opened,
    credits,
    credited,
    withdrawals,
    withdrawn,
    events
  FROM daily_totals
  WHERE dt <= ?
) AS until_the_day
GROUP BY day, currency
ORDER BY day NULLS FIRST, currency
