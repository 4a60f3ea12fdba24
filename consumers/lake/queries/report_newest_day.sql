-- report_newest_day: The newest day that has events, or null in an empty lake. Reads `daily_totals` alone.
SELECT max(dt) AS day
FROM daily_totals
