-- report_newest_day: the newest day that has events; no row in an empty lake. Reads `daily_totals` alone.
-- Not max(dt): of a partition key that is asked for alone, DuckDB 1.5.5 breaks off with an internal error.
SELECT DISTINCT dt AS day
FROM daily_totals
ORDER BY dt DESC
LIMIT 1
