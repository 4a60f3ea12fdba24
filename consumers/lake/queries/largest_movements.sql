-- largest_movements: The largest credits and withdrawals between two days, so many of each currency.
-- parameter: from (date) the first day, UTC
-- parameter: until (date) the last day, UTC, included
-- parameter: count (integer) how many of each currency [10]
SELECT
  currency,
  place,
  event_type,
  amount,
  account_id,
  sequence,
  balance,
  occurred_at,
  correlation_id
FROM (
  SELECT
    currency,
    event_type,
    amount,
    account_id,
    sequence,
    balance,
    occurred_at,
    correlation_id,
    row_number() OVER (PARTITION BY currency ORDER BY amount DESC, account_id, sequence) AS place
  FROM events
  WHERE dt >= ?
    AND dt <= ?
    AND event_type IN ('BalanceCredited', 'BalanceWithdrawn')
) AS ranked
WHERE place <= CAST(? AS bigint)
ORDER BY currency, place
