-- transfers: The transfers of a range of days, each with its two accounts, and whether it is complete.
-- A transfer is complete if it has exactly one withdrawal and one credit of the same amount and currency, at the same time,
-- on two accounts that name each other. Both events are on one day. If one of them is missing, its account is the one that
-- the other event names, and its sequence is null. If events contradict each other, a row has the least value of each
-- column, from the withdrawals if there are any.
-- parameter: from (date) the first day, UTC
-- parameter: until (date) the last day
-- ordered: from <= until
WITH pairs AS (
  SELECT
    transfer_id,
    min(occurred_at) AS occurred_at,
    max(occurred_at) AS newest,
    min(dt) AS oldest_dt,
    max(dt) AS newest_dt,
    sum(CASE event_type WHEN 'BalanceWithdrawn' THEN 1 ELSE 0 END) AS withdrawals,
    min(CASE event_type WHEN 'BalanceWithdrawn' THEN account_id END) AS paying,
    min(CASE event_type WHEN 'BalanceWithdrawn' THEN sequence END) AS paying_sequence,
    min(CASE event_type WHEN 'BalanceWithdrawn' THEN counterparty_account_id END) AS paid_to,
    min(CASE event_type WHEN 'BalanceWithdrawn' THEN amount END) AS withdrawn,
    min(CASE event_type WHEN 'BalanceWithdrawn' THEN currency END) AS withdrawn_currency,
    sum(CASE event_type WHEN 'BalanceCredited' THEN 1 ELSE 0 END) AS credits,
    min(CASE event_type WHEN 'BalanceCredited' THEN account_id END) AS receiving,
    min(CASE event_type WHEN 'BalanceCredited' THEN sequence END) AS receiving_sequence,
    min(CASE event_type WHEN 'BalanceCredited' THEN counterparty_account_id END) AS received_from,
    min(CASE event_type WHEN 'BalanceCredited' THEN amount END) AS credited,
    min(CASE event_type WHEN 'BalanceCredited' THEN currency END) AS credited_currency
  FROM events
  WHERE dt >= ? AND dt <= ? AND event_type IN ('BalanceCredited', 'BalanceWithdrawn') AND transfer_id IS NOT NULL
  GROUP BY transfer_id
)
SELECT
  oldest_dt AS dt,
  occurred_at,
  transfer_id,
  coalesce(paying, received_from) AS paying_account_id,
  coalesce(receiving, paid_to) AS receiving_account_id,
  coalesce(withdrawn, credited) AS amount,
  coalesce(withdrawn_currency, credited_currency) AS currency,
  CASE
    WHEN withdrawals = 1 AND credits = 1 AND withdrawn = credited AND withdrawn_currency = credited_currency
      AND paid_to = receiving AND received_from = paying AND paying <> receiving AND occurred_at = newest
      AND oldest_dt = newest_dt
    THEN true
    ELSE false
  END AS is_complete,
  paying_sequence,
  receiving_sequence
FROM pairs
ORDER BY occurred_at, transfer_id
