-- events: every event once. `account_events` is at-least-once: what Firehose or a redrive delivers again is there again.
-- Of copies that contradict each other, which must not be, it is any. The query data_quality and `reconcile` name them.
-- A copy has the account and the sequence of the first, of which event_id is made, and is in its partition. So a condition on
-- dt, event_type or account_id goes through to the files, and only what it asks for is read.
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
      PARTITION BY dt, event_type, account_id, sequence
      ORDER BY published_at NULLS LAST, schema_fingerprint
    ) AS copy
  FROM account_events
) AS copies
WHERE copy = 1
