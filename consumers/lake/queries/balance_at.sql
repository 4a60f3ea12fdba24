-- balance_at: An account's balance at a moment, and the event that made it so. No row: the account was not there yet.
-- parameter: account (string) the account's id
-- parameter: moment (timestamp) the moment, UTC; Athena compares milliseconds
-- parameter: moment
SELECT
  account_id,
  currency,
  balance,
  sequence,
  event_id,
  event_type,
  amount,
  occurred_at,
  correlation_id,
  causation_id
FROM events
WHERE account_id = ?
  AND dt <= substr(?, 1, 10)
  AND occurred_at <= CAST(? AS timestamp)
ORDER BY sequence DESC
LIMIT 1
