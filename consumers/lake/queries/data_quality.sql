-- data_quality: Defects in the events of a range of days: a row for each kind, with the number of findings and an example.
-- The example is the account id and the sequence of one finding, the first in text order.
-- late: the event reached the stream too long after it occurred.
-- duplicate: further copies of an event, which the view `events` hides.
-- contradiction: copies of an event differ, and the view shows one of them for each day and type. Copies on different
-- days are a contradiction on the later day.
-- gap: the previous event of the account is missing from the lake.
-- negative_balance: the balance is below zero.
-- broken_balance: the balance does not follow from the previous balance.
-- half_transfer: the events of a transfer on these days are not one withdrawal and one credit of the same amount and
-- currency, at the same time, on two accounts that name each other. The example is one of its events.
-- To find copies and previous events, the query reads account_id, sequence and balance of all earlier days.
-- parameter: from (date) the first day, UTC
-- parameter: until (date) the last day
-- parameter: until
-- parameter: late_seconds (integer) seconds after which an event is late [900]
-- ordered: from <= until
WITH versions AS (
  SELECT
    account_id,
    sequence,
    event_id,
    event_type,
    dt,
    occurred_at,
    correlation_id,
    causation_id,
    request_id,
    owner,
    currency,
    amount,
    balance,
    transfer_id,
    counterparty_account_id,
    min(published_at) AS published_at,
    count(*) AS copies
  FROM account_events
  WHERE dt >= ? AND dt <= ?
  GROUP BY
    account_id,
    sequence,
    event_id,
    event_type,
    dt,
    occurred_at,
    correlation_id,
    causation_id,
    request_id,
    owner,
    currency,
    amount,
    balance,
    transfer_id,
    counterparty_account_id
),
distinct_events AS (
  SELECT
    account_id,
    sequence,
    count(*) AS versions,
    min(dt) AS first_dt,
    min(transfer_id) AS transfer_id,
    min(counterparty_account_id) AS counterparty_account_id,
    min(currency) AS currency,
    sum(copies - 1) AS repeated,
    min(occurred_at) AS occurred_at,
    min(published_at) AS published_at,
    min(balance) AS balance,
    min(CASE event_type WHEN 'BalanceCredited' THEN amount WHEN 'BalanceWithdrawn' THEN -amount ELSE CAST(0 AS decimal(18, 2)) END)
      AS change
  FROM versions
  GROUP BY account_id, sequence
),
-- Finds the copies and the predecessor of each event in one pass over history.
lookups AS (
  SELECT distinct_events.*, steps.back, distinct_events.sequence - steps.back AS wanted_sequence
  FROM distinct_events
  CROSS JOIN (VALUES (0), (1)) AS steps (back)
),
checked AS (
  SELECT
    lookups.account_id,
    lookups.sequence,
    lookups.repeated,
    lookups.occurred_at,
    lookups.published_at,
    lookups.balance,
    lookups.change,
    CASE
      WHEN lookups.versions > 1 OR lookups.first_dt > min(CASE WHEN lookups.back = 0 THEN seen.dt END) THEN 1
      ELSE 0
    END AS contradicted,
    count(CASE WHEN lookups.back = 1 THEN seen.account_id END) AS events_before,
    min(CASE WHEN lookups.back = 1 THEN seen.balance END) AS least_before,
    max(CASE WHEN lookups.back = 1 THEN seen.balance END) AS greatest_before
  FROM lookups
  LEFT JOIN (
    SELECT account_id, sequence, balance, dt
    FROM account_events
    WHERE dt <= ?
  ) AS seen ON seen.account_id = lookups.account_id AND seen.sequence = lookups.wanted_sequence
  GROUP BY
    lookups.account_id,
    lookups.sequence,
    lookups.versions,
    lookups.first_dt,
    lookups.repeated,
    lookups.occurred_at,
    lookups.published_at,
    lookups.balance,
    lookups.change
),
-- If an event has several versions, its transfer cannot be checked.
half_transfers AS (
  SELECT min(account_id || ' ' || CAST(sequence AS varchar)) AS example
  FROM distinct_events
  WHERE transfer_id IS NOT NULL
  GROUP BY transfer_id
  HAVING max(versions) = 1
    AND CASE
      WHEN count(*) = 2 AND sum(change) = 0 AND min(currency) = max(currency)
        AND min(occurred_at) = max(occurred_at) AND min(first_dt) = max(first_dt)
        AND min(account_id) = min(counterparty_account_id) AND max(account_id) = max(counterparty_account_id)
        AND max(CASE WHEN account_id <> counterparty_account_id THEN 0 ELSE 1 END) = 0
      THEN 0
      ELSE 1
    END = 1
),
kinds AS (
  SELECT *
  FROM (
    VALUES (1, 'late'), (2, 'duplicate'), (3, 'contradiction'), (4, 'gap'), (5, 'negative_balance'), (6, 'broken_balance'),
      (7, 'half_transfer')
  ) AS kinds (place, kind)
),
found AS (
  SELECT
    kinds.kind,
    sum(CASE WHEN kinds.kind = 'duplicate' THEN checked.repeated ELSE 1 END) AS findings,
    min(checked.account_id || ' ' || CAST(checked.sequence AS varchar)) AS example
  FROM checked
  CROSS JOIN kinds
  WHERE (kinds.kind = 'late' AND to_unixtime(checked.published_at) - to_unixtime(checked.occurred_at) > CAST(? AS double))
    OR (kinds.kind = 'duplicate' AND checked.repeated > 0)
    OR (kinds.kind = 'contradiction' AND checked.contradicted = 1)
    OR (kinds.kind = 'gap' AND checked.sequence > 1 AND checked.events_before = 0)
    OR (kinds.kind = 'negative_balance' AND checked.balance < 0)
    -- If the event or its predecessor has several versions, its balance cannot be checked.
    OR (kinds.kind = 'broken_balance' AND checked.contradicted = 0 AND checked.least_before = checked.greatest_before
      AND checked.balance <> checked.least_before + checked.change)
    OR (kinds.kind = 'broken_balance' AND checked.contradicted = 0 AND checked.sequence = 1 AND checked.balance <> checked.change)
  GROUP BY kinds.kind
  UNION ALL
  SELECT 'half_transfer' AS kind, count(*) AS findings, min(example) AS example
  FROM half_transfers
)
SELECT
  kinds.kind,
  coalesce(found.findings, 0) AS findings,
  found.example
FROM kinds
LEFT JOIN found ON found.kind = kinds.kind
ORDER BY kinds.place
