-- report_newest_day: The newest day with events, or null in an empty lake. Reads only `daily_totals`.
SELECT max(dt) AS day
FROM daily_totals
