-- report_movements: a day's largest credits and withdrawals, in each currency for itself.
-- parameter: day (date) the day
-- parameter: rows (integer) how many of each currency
SELECT
  currency,
  place,
  account_id,
  sequence,
  event_type,
  occurred_at,
  amount,
  balance
FROM (
  SELECT
    currency,
    account_id,
    sequence,
    event_type,
    occurred_at,
    amount,
    balance,
    row_number() OVER (PARTITION BY currency ORDER BY amount DESC, occurred_at, account_id, sequence) AS place
  FROM events
  WHERE dt = ? AND event_type IN ('BalanceCredited', 'BalanceWithdrawn')
) AS ranked
WHERE place <= CAST(? AS bigint)
ORDER BY currency, place
