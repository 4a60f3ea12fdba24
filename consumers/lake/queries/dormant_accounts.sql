-- dormant_accounts: The accounts without an event since a given day, with balance, owner and last event, longest dormant first.
-- Reads all of history, because an account's last event may be on any day.
-- parameter: since (date) no event on this day or later, UTC
-- parameter: count (integer) how many at most [1000]
WITH numbered AS (
  SELECT
    account_id,
    currency,
    balance,
    sequence,
    event_type,
    occurred_at,
    dt,
    max(owner) OVER (PARTITION BY account_id) AS owner,
    row_number() OVER (PARTITION BY account_id ORDER BY sequence DESC) AS back
  FROM events
),
dormant AS (
  SELECT
    account_id,
    owner,
    currency,
    balance,
    sequence,
    event_type,
    occurred_at,
    dt,
    row_number() OVER (ORDER BY dt, account_id) AS place
  FROM numbered
  WHERE back = 1 AND dt < ?
)
SELECT
  place,
  account_id,
  owner,
  currency,
  balance,
  dt AS last_day,
  sequence AS last_sequence,
  event_type AS last_event_type,
  occurred_at AS last_occurred_at
FROM dormant
WHERE place <= CAST(? AS bigint)
ORDER BY place
