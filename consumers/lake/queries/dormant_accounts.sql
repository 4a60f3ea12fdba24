-- dormant_accounts: Accounts without an event since a day, those that have been silent for longest first.
-- parameter: since (date) the first day of the silence, UTC
SELECT
  account_id,
  account_owner AS owner,
  currency,
  balance,
  sequence AS events,
  occurred_at AS last_event_at
FROM (
  SELECT
    account_id,
    currency,
    balance,
    sequence,
    occurred_at,
    dt,
    max(owner) OVER (PARTITION BY account_id) AS account_owner,
    row_number() OVER (PARTITION BY account_id ORDER BY sequence DESC) AS newness
  FROM events
) AS newest
WHERE newness = 1
  AND dt < ?
ORDER BY occurred_at, account_id
