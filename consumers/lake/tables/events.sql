-- events: every event once. `account_events` is at-least-once: what Firehose or a redrive delivers again is there again.
-- Of copies that contradict each other, which must not be, it is any; the query data_quality and `reconcile` name them.
-- A repeated event is in the same partition, so a condition on dt or event_type reads only the files it names.
CREATE OR REPLACE VIEW events AS
SELECT
  event_id,
  account_id,
  sequence,
  occurred_at,
  correlation_id,
  causation_id,
  request_id,
  owner,
  currency,
  amount,
  balance,
  published_at,
  schema_fingerprint,
  dt,
  event_type
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY dt, event_type, event_id
      ORDER BY published_at NULLS LAST, schema_fingerprint
    ) AS copy
  FROM account_events
) AS copies
WHERE copy = 1
