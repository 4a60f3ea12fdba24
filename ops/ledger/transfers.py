# ruff: noqa: S608 -- its SQL contains no external input
"""SQL that checks that the two events of each transfer agree, for DuckDB and for Spark alike.

The rule exists once, so that `check` and every engine of `reconcile` find the same. Each transfer has exactly one
withdrawal and one credit of the same amount and currency, at the same time, on two accounts that name each other.
"""

SEQUENCE_MAX = 2**63 - 1
"""The largest sequence that the columns can hold: the maximum of the schemas' type `long`."""

_LISTED = "CASE WHEN {0} > 2 THEN first_{1} || ', ..., ' || last_{1} ELSE first_{1} || ', ' || last_{1} END"
_SURPLUS = "CAST({0} AS string) || ' {1}s (' || " + _LISTED + " || ')'"

_PAIRS = """
SELECT
  transfer_id,
  min_by(account_id, place) AS account_id,
  min_by(sequence, place) AS sequence,
  min_by(event_id, place) AS event_id,
  max(occurred_at) AS newest,
  min(occurred_at) AS oldest,
  min(counterparty_account_id) AS counterparty,
  count_if(is_withdrawal) AS withdrawals,
  min(CASE WHEN is_withdrawal THEN event_id END) AS first_withdrawal,
  max(CASE WHEN is_withdrawal THEN event_id END) AS last_withdrawal,
  min(CASE WHEN is_withdrawal THEN account_id END) AS paying,
  min(CASE WHEN is_withdrawal THEN counterparty_account_id END) AS paid_to,
  min(CASE WHEN is_withdrawal THEN amount END) AS withdrawn,
  min(CASE WHEN is_withdrawal THEN currency END) AS withdrawn_currency,
  count_if(NOT is_withdrawal) AS credits,
  min(CASE WHEN NOT is_withdrawal THEN event_id END) AS first_credit,
  max(CASE WHEN NOT is_withdrawal THEN event_id END) AS last_credit,
  min(CASE WHEN NOT is_withdrawal THEN account_id END) AS receiving,
  min(CASE WHEN NOT is_withdrawal THEN counterparty_account_id END) AS received_from,
  min(CASE WHEN NOT is_withdrawal THEN amount END) AS credited,
  min(CASE WHEN NOT is_withdrawal THEN currency END) AS credited_currency
FROM (
  SELECT *,
    event_type = 'BalanceWithdrawn' AS is_withdrawal,
    CASE WHEN event_type = 'BalanceWithdrawn' THEN '0' ELSE '1' END || event_id AS place
  FROM transfer_events
) AS placed
GROUP BY transfer_id
"""
"""Each transfer. If it has more than one event of a type, only their number and their ids are of use."""

UNPAIRED = f"""
SELECT transfer_id, account_id, sequence, event_id, newest, 'transfer ' || transfer_id || ' ' || problem AS note
FROM (
  SELECT *, CASE
    WHEN withdrawals > 1 AND credits > 1
    THEN 'has ' || {_SURPLUS.format("withdrawals", "withdrawal")} || ' and ' || {_SURPLUS.format("credits", "credit")}
    WHEN withdrawals > 1 THEN 'has ' || {_SURPLUS.format("withdrawals", "withdrawal")}
    WHEN credits > 1 THEN 'has ' || {_SURPLUS.format("credits", "credit")}
    WHEN credits = 0 THEN 'has no valid credit on account ' || coalesce(counterparty, '?')
    WHEN withdrawals = 0 THEN 'has no valid withdrawal on account ' || coalesce(counterparty, '?')
    WHEN withdrawn <> credited
    THEN 'withdraws ' || CAST(withdrawn AS string) || ' and credits ' || CAST(credited AS string)
    WHEN withdrawn_currency <> credited_currency
    THEN 'withdraws ' || withdrawn_currency || ' and credits ' || credited_currency
    WHEN paying = receiving THEN 'has one account only: ' || first_withdrawal || ' and ' || first_credit
    WHEN paid_to IS DISTINCT FROM receiving OR received_from IS DISTINCT FROM paying
    THEN 'has accounts that do not name each other: ' || first_withdrawal || ' names ' || coalesce(paid_to, 'none')
      || ', ' || first_credit || ' names ' || coalesce(received_from, 'none')
    WHEN oldest <> newest
    THEN 'has two times: ' || first_withdrawal || ' and ' || first_credit || ' must have the same'
  END AS problem
  FROM ({_PAIRS}) AS pairs
) AS noted
WHERE problem IS NOT NULL
"""
"""The transfers of `transfer_events` whose events do not pair, each at its first event: a withdrawal if it has one.

`transfer_events` has the ledger's events that belong to a transfer, in the lake's columns. `newest` is the time of the
transfer's newest event, and `note` states what is wrong.
"""
