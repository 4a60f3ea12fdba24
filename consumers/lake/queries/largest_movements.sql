-- largest_movements: The largest credits and withdrawals of a range of days, for each currency.
-- parameter: from (date) the first day, UTC
-- parameter: until (date) the last day
-- parameter: count (integer) how many for each currency [10]
-- ordered: from <= until
WITH ranked AS (
  SELECT
    currency,
    row_number() OVER (PARTITION BY currency ORDER BY amount DESC, account_id, sequence) AS place,
    amount,
    event_type,
    account_id,
    sequence,
    occurred_at,
    balance,
    correlation_id,
    causation_id
  FROM events
  WHERE dt >= ? AND dt <= ? AND event_type IN ('BalanceCredited', 'BalanceWithdrawn')
)
SELECT
  currency,
  place,
  amount,
  event_type,
  account_id,
  sequence,
  occurred_at,
  balance,
  correlation_id,
  causation_id
FROM ranked
WHERE place <= CAST(? AS bigint)
ORDER BY currency, place
