-- data_quality: What is wrong with the events of some days: a row for each kind of finding, how many there are, an example.
-- An example is an account and the sequence of its event, the first by text.
-- late: it reached the stream so long after it occurred. duplicate: copies beyond the first, which the view `events` hides.
-- contradiction: copies of one event that differ in what happened, of which the view shows one of each day and type. Copies of
-- different days differ, and are found on the later one.
-- gap: the event before it is nowhere in the lake. negative_balance: below zero.
-- broken_balance: not what follows from the balance before it.
-- Earlier copies and the events before are looked for in all earlier days, of which account_id, sequence and balance are read.
-- parameter: from (date) the first day, UTC
-- parameter: until (date) the last day
-- parameter: until
-- parameter: late_seconds (integer) later than so many seconds is late [900]
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
told AS (
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
-- Each looks for itself and for the one before it, so that history is read once for both.
looking AS (
  SELECT told.*, steps.back, told.sequence - steps.back AS wanted
  FROM told
  CROSS JOIN (VALUES (0), (1)) AS steps (back)
),
judged AS (
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
    sum(CASE WHEN kinds.kind = 'duplicate' THEN judged.repeated ELSE 1 END) AS findings,
    min(judged.account_id || ' ' || CAST(judged.sequence AS varchar)) AS example
  FROM judged
  CROSS JOIN kinds
  WHERE (kinds.kind = 'late' AND to_unixtime(judged.published_at) - to_unixtime(judged.occurred_at) > CAST(? AS double))
    OR (kinds.kind = 'duplicate' AND judged.repeated > 0)
    OR (kinds.kind = 'contradiction' AND judged.contradicted = 1)
    OR (kinds.kind = 'gap' AND judged.sequence > 1 AND judged.events_before = 0)
    OR (kinds.kind = 'negative_balance' AND judged.balance < 0)
    -- What has several versions, itself or before it, is a contradiction and nothing can be said of what follows.
    OR (kinds.kind = 'broken_balance' AND judged.contradicted = 0 AND judged.least_before = judged.greatest_before
      AND judged.balance <> judged.least_before + judged.change)
    OR (kinds.kind = 'broken_balance' AND judged.contradicted = 0 AND judged.sequence = 1 AND judged.balance <> judged.change)
  GROUP BY kinds.kind
)
SELECT
  kinds.kind,
  coalesce(found.findings, 0) AS findings,
  found.example
FROM kinds
LEFT JOIN found ON found.kind = kinds.kind
ORDER BY kinds.place
