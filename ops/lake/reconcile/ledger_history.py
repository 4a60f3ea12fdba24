# ruff: noqa: S608 -- its SQL contains no external input
"""SQL that checks each account's history in the ledger, for DuckDB and for Spark alike.

The rules exist once, so that the engines cannot differ. Sequences must follow one another from 1. Each balance must be
the previous balance with the event's amount added or withdrawn.
"""

FLOW = (
    "CASE event_type WHEN 'BalanceCredited' THEN amount WHEN 'BalanceWithdrawn' THEN -amount "
    "ELSE CAST(0 AS decimal(18, 2)) END"
)
"""What an event changes in its account's balance."""

HISTORY = f"""
SELECT *,
  lag(sequence) OVER history AS before,
  sequence - row_number() OVER history AS run,
  CASE
    WHEN sequence = 1 THEN CAST(balance AS decimal(20, 2)) - {FLOW}
    WHEN lag(sequence) OVER history = sequence - 1
    THEN CAST(balance AS decimal(20, 2)) - lag(balance) OVER history - {FLOW}
  END AS error,
  reason IS NOT NULL OR (lag(sequence) OVER history = sequence AND lag(reason) OVER history IS NOT NULL)
    AS is_unreadable
FROM ledger_rows
WINDOW history AS (PARTITION BY account_id ORDER BY sequence NULLS FIRST, reason NULLS LAST)
"""
"""All rows of `ledger_rows`: the ledger's events, and its unreadable rows with a `reason`.

before: the sequence of the account's previous row
run: the same for all rows whose sequences follow one another
error: what the balance has too much, given the previous balance and the amount; null if the previous one is unknown
is_unreadable: whether this row, or another one with its account and sequence, is unreadable
"""

IS_AFTER_GAP = "sequence > coalesce(before, 0) + 1"
"""Whether sequences are missing before a row of HISTORY."""


def unbalanced(errors: str) -> str:
    """SQL for the events whose balance is wrong.

    A single wrong balance makes two errors: its own, and that of the next event, whose balance is right again. A wrong
    amount makes one: the later balances all differ from the sum of the amounts, but follow from one another. So an
    event counts if its balance does not follow from the previous one, and differs from the sum of the amounts.

    Args:
        errors: a table with the rows of HISTORY whose `error` is not 0.
    """
    return (
        "SELECT * FROM (SELECT *, sum(error) OVER (PARTITION BY account_id, run ORDER BY sequence) AS too_much "
        f"FROM {errors}) AS summed WHERE too_much <> 0"
    )
