-- data_quality: What is odd about the events between two days: how many, and one of them.
-- Late: on the stream five minutes after it occurred. Late and repeated ones are no fault, and count once in every answer.
-- Gaps and balances are looked at within the days asked for; the event before an account's first of them is not known.
-- parameter: from (date) the first day, UTC
-- parameter: until (date) the last day, UTC, included
-- parameter: from
-- parameter: until
WITH followed AS (
  SELECT
    event_id,
    sequence,
    event_type,
    currency,
    balance,
    CASE event_type
      WHEN 'BalanceCredited' THEN amount WHEN 'BalanceWithdrawn' THEN -amount ELSE CAST(0 AS decimal(18, 2))
    END AS change,
    published_at > occurred_at + INTERVAL '5' MINUTE AS is_late,
    lag(sequence) OVER (PARTITION BY account_id ORDER BY sequence, event_id) AS sequence_before,
    lag(balance) OVER (PARTITION BY account_id ORDER BY sequence, event_id) AS balance_before,
    lag(currency) OVER (PARTITION BY account_id ORDER BY sequence, event_id) AS currency_before
  FROM events
  WHERE dt >= ?
    AND dt <= ?
),
judged AS (
  SELECT
    event_id,
    CASE WHEN is_late THEN 1 ELSE 0 END AS late,
    CASE WHEN sequence > sequence_before + 1 THEN 1 ELSE 0 END AS gap,
    CASE WHEN sequence = sequence_before THEN 1 ELSE 0 END AS same_sequence,
    CASE WHEN sequence = sequence_before + 1 AND balance <> balance_before + change THEN 1 ELSE 0 END AS wrong_balance,
    CASE WHEN balance < CAST(0 AS decimal(18, 2)) THEN 1 ELSE 0 END AS negative_balance,
    CASE WHEN currency <> currency_before THEN 1 ELSE 0 END AS other_currency
  FROM followed
),
found AS (
  SELECT
    coalesce(sum(late), 0) AS late,
    min(CASE WHEN late = 1 THEN event_id END) AS late_example,
    coalesce(sum(gap), 0) AS gap,
    min(CASE WHEN gap = 1 THEN event_id END) AS gap_example,
    coalesce(sum(same_sequence), 0) AS same_sequence,
    min(CASE WHEN same_sequence = 1 THEN event_id END) AS same_sequence_example,
    coalesce(sum(wrong_balance), 0) AS wrong_balance,
    min(CASE WHEN wrong_balance = 1 THEN event_id END) AS wrong_balance_example,
    coalesce(sum(negative_balance), 0) AS negative_balance,
    min(CASE WHEN negative_balance = 1 THEN event_id END) AS negative_balance_example,
    coalesce(sum(other_currency), 0) AS other_currency,
    min(CASE WHEN other_currency = 1 THEN event_id END) AS other_currency_example
  FROM judged
),
copies AS (
  SELECT
    coalesce(sum(copies - 1), 0) AS repeated,
    min(CASE WHEN copies > 1 THEN event_id END) AS repeated_example,
    coalesce(sum(contradicts), 0) AS contradicting,
    min(CASE WHEN contradicts = 1 THEN event_id END) AS contradicting_example
  FROM (
    SELECT
      event_id,
      count(*) AS copies,
      CASE
        WHEN min(account_id) <> max(account_id)
          OR min(sequence) <> max(sequence)
          OR min(occurred_at) <> max(occurred_at)
          OR min(currency) <> max(currency)
          OR min(balance) <> max(balance)
          OR min(amount) <> max(amount)
          OR min(owner) <> max(owner)
          OR min(correlation_id) <> max(correlation_id)
        THEN 1 ELSE 0
      END AS contradicts
    FROM account_events
    WHERE dt >= ?
      AND dt <= ?
    GROUP BY dt, event_type, event_id
  ) AS by_event
)
SELECT
  kind AS finding,
  CASE kind
    WHEN 'late' THEN late
    WHEN 'repeated' THEN repeated
    WHEN 'contradicting copies' THEN contradicting
    WHEN 'gap in sequence' THEN gap
    WHEN 'sequence twice' THEN same_sequence
    WHEN 'balance does not follow' THEN wrong_balance
    WHEN 'negative balance' THEN negative_balance
    ELSE other_currency
  END AS events,
  CASE kind
    WHEN 'late' THEN late_example
    WHEN 'repeated' THEN repeated_example
    WHEN 'contradicting copies' THEN contradicting_example
    WHEN 'gap in sequence' THEN gap_example
    WHEN 'sequence twice' THEN same_sequence_example
    WHEN 'balance does not follow' THEN wrong_balance_example
    WHEN 'negative balance' THEN negative_balance_example
    ELSE other_currency_example
  END AS example
FROM (VALUES
  (1, 'late'),
  (2, 'repeated'),
  (3, 'contradicting copies'),
  (4, 'gap in sequence'),
  (5, 'sequence twice'),
  (6, 'balance does not follow'),
  (7, 'negative balance'),
  (8, 'currency changed')
) AS kinds (place, kind)
CROSS JOIN found
CROSS JOIN copies
ORDER BY place
