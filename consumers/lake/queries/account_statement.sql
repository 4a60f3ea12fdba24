-- account_statement: An account's opening balance, each event and the closing balance of a range of days, with the change of each.
-- The rows `opening` and `closing` have the balance after the account's last event before the first day, and after its
-- last event up to the last day, with the sequence of that event. They are null if the account has no such event. The sum
-- of the changes is the difference between the two.
-- parameter: account (string) the account's id
-- parameter: bucket of account
-- parameter: until (date) the last day, UTC
-- parameter: month of until
-- parameter: from (date) the first day
-- parameter: from
-- ordered: from <= until
WITH lines AS (
  SELECT
    history.*,
    parts.place,
    row_number() OVER (PARTITION BY parts.place ORDER BY history.sequence DESC) AS back
  FROM (
    SELECT
      account_id,
      sequence,
      event_type,
      currency,
      amount,
      balance,
      occurred_at,
      event_id,
      correlation_id,
      causation_id,
      transfer_id,
      counterparty_account_id,
      dt
    FROM account_history
    WHERE account_id = ? AND account_bucket = ? AND dt <= ? AND dt_month <= ?
  ) AS history
  CROSS JOIN (VALUES (1), (2), (3)) AS parts (place)
  WHERE (parts.place = 1 AND history.dt < ?) OR (parts.place = 2 AND history.dt >= ?) OR parts.place = 3
)
SELECT
  parts.entry,
  lines.dt,
  lines.sequence,
  lines.event_type,
  CASE lines.event_type WHEN 'BalanceCredited' THEN lines.amount WHEN 'BalanceWithdrawn' THEN -lines.amount END AS change,
  lines.balance,
  lines.currency,
  lines.occurred_at,
  lines.event_id,
  lines.correlation_id,
  lines.causation_id,
  lines.transfer_id,
  lines.counterparty_account_id
FROM (VALUES (1, 'opening'), (2, 'event'), (3, 'closing')) AS parts (place, entry)
LEFT JOIN lines ON lines.place = parts.place AND (parts.place = 2 OR lines.back = 1)
WHERE parts.place <> 2 OR lines.sequence IS NOT NULL
ORDER BY parts.place, lines.sequence
