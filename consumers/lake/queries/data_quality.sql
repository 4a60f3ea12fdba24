-- data_quality: Defects in the events of some days: a row for each kind, with the number of findings and an example.
-- The example is an account and the sequence of its event, the first in text order.
-- late: the event reached the stream too long after it occurred. duplicate: further copies of an event, which the view `events` hides.
-- contradiction: copies of an event that differ, of which the view shows one for each day and type. Copies on different days count as
-- contradicting, on the later day. gap: the event before it is missing from the lake. negative_balance: below zero.
-- broken_balance: does not follow from the previous balance.
-- Copies and previous events are searched in all earlier days, reading account_id, sequence and balance.
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
    balance
),
distinct_events AS (
  SELECT
    account_id,
    sequence,
    count(*) AS versions,
    min(dt) AS first_dt,
    sum(copies - 1) AS repeated,
    min(occurred_at) AS occurred_at,
    min(published_at) AS published_at,
    min(balance) AS balance,
    min(CASE event_type WHEN 'BalanceCredited' THEN amount WHEN 'BalanceWithdrawn' THEN -amount ELSE CAST(0 AS decimal(18, 2)) END)
      AS change
  FROM versions
  GROUP BY account_id, sequence
),
-- Each event looks for its copies and for its predecessor, in one pass over history.
looking AS (
  SELECT distinct_events.*, steps.back, distinct_events.sequence - steps.back AS wanted
  FROM distinct_events
  CROSS JOIN (VALUES (0), (1)) AS steps (back)
),
checked AS (
  SELECT
    looking.account_id,
    looking.sequence,
    looking.repeated,
    looking.occurred_at,
    looking.published_at,
    looking.balance,
    looking.change,
    CASE
      WHEN looking.versions > 1 OR looking.first_dt > min(CASE WHEN looking.back = 0 THEN seen.dt END) THEN 1
      ELSE 0
    END AS contradicted,
    count(CASE WHEN looking.back = 1 THEN seen.account_id END) AS events_before,
    min(CASE WHEN looking.back = 1 THEN seen.balance END) AS least_before,
    max(CASE WHEN looking.back = 1 THEN seen.balance END) AS greatest_before
  FROM looking
  LEFT JOIN (
    SELECT account_id, sequence, balance, dt
    FROM account_events
    WHERE dt <= ?
  ) AS seen ON seen.account_id = looking.account_id AND seen.sequence = looking.wanted
  GROUP BY
    looking.account_id,
    looking.sequence,
    looking.versions,
    looking.first_dt,
    looking.repeated,
    looking.occurred_at,
    looking.published_at,
    looking.balance,
    looking.change
),
kinds AS (
  SELECT *
  FROM (
    VALUES (1, 'late'), (2, 'duplicate'), (3, 'contradiction'), (4, 'gap'), (5, 'negative_balance'), (6, 'broken_balance')
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
    -- What has several versions, itself or before it, is a contradiction and nothing can be said of what follows.
    OR (kinds.kind = 'broken_balance' AND checked.contradicted = 0 AND checked.least_before = checked.greatest_before
      AND checked.balance <> checked.least_before + checked.change)
    OR (kinds.kind = 'broken_balance' AND checked.contradicted = 0 AND checked.sequence = 1 AND checked.balance <> checked.change)
  GROUP BY kinds.kind
)
SELECT
  kinds.kind,
  coalesce(found.findings, 0) AS findings,
  found.example
FROM kinds
LEFT JOIN found ON found.kind = kinds.kind
ORDER BY kinds.place
