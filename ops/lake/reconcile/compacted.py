# ruff: noqa: S608 -- its SQL contains no external input
"""SQL that compares the table `account_months` with the view `events`, for DuckDB and for Spark alike.

Both sides are the rows that a query about one account would read for the compacted days: those of `account_months`, and
those of the view `events` with the month and the bucket that belong to them. If the order of that view leaves several
copies of an event in the first place, the view may show any of them, so a compacted row may be any of them, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from consumers.lake import table
from consumers.lake.added_columns import MONTH_KEYS, PARTITION_KEYS

EVENT = tuple(column.name for column in (*table.COLUMNS, *PARTITION_KEYS))
ROW = (*EVENT, *(column.name for column in MONTH_KEYS))
"""The columns that are compared: all that a query can read."""

_SECOND_DIGIT = "substr(md5(account_id), 2, 1)"
OF_DAYS = f"""
SELECT {", ".join(EVENT)}, substr(dt, 1, 7) AS dt_month,
  substr(md5(account_id), 1, 1) || CASE
    WHEN {_SECOND_DIGIT} < '4' THEN '0' WHEN {_SECOND_DIGIT} < '8' THEN '4' WHEN {_SECOND_DIGIT} < 'c' THEN '8' ELSE 'c'
  END AS account_bucket
"""
"""The columns ROW, from the columns of the view `events`; `table.bucket_of` computes the same."""

FIRST_COPIES = f"""
{OF_DAYS} FROM (
  SELECT *, rank() OVER (
    PARTITION BY dt, event_type, account_id, sequence ORDER BY published_at NULLS LAST, schema_fingerprint NULLS LAST
  ) AS place FROM copies_of_days SEMI JOIN differing_months USING (account_id, sequence)
) AS ranked WHERE place = 1
"""
"""For each differing event, the copies of which the view `events` shows one. The order is that of its statement."""


def differing(digest: str) -> str:
    """SQL for the events of which `month_rows` and `day_rows` have other rows, or a row another number of times.

    Args:
        digest: SQL for a number that is made of all columns of ROW, nulls included.
    """
    return f"""
SELECT account_id, sequence FROM (
  SELECT account_id, sequence, {digest} AS digest FROM month_rows
  UNION ALL
  SELECT account_id, sequence, -{digest} AS digest FROM day_rows
) AS rows_of_both
GROUP BY account_id, sequence HAVING sum(digest) <> 0
"""


def notes(
    copies: Iterable[Mapping[str, Any]], months: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """What is wrong with an event in `account_months`: for each finding, the event's values and a text.

    Args:
        copies: the event's copies of which the view `events` shows one for each day and type.
        months: its rows in `account_months`.
    """
    of_days = defaultdict[tuple[str, str], list[Mapping[str, Any]]](list)
    for copy in copies:
        of_days[_place(copy)].append(copy)
    lacking, surplus = dict(of_days), []
    for row in months:
        if row in lacking.get(_place(row), ()):
            del lacking[_place(row)]
        else:
            surplus.append(row)
    for row in surplus:
        if lacking:
            right = min(chain(*lacking.values()), key=lambda each: len(_differing(each, row)))
            del lacking[_place(right)]
            changes = ", ".join(
                f"{name} {_text(row[name])}, not {_text(right[name])}" for name in _differing(right, row)
            )
            yield right, f"{_month(row)} has {changes}"
        elif row in of_days.get(_place(row), ()):
            yield row, f"{_month(row)} has it more than once"
        else:
            yield row, f"{_month(row)} has it, but the view `events` does not"
    for row, *_ in lacking.values():
        yield row, f"{_month(row)} lacks it"


def _place(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["dt"], row["event_type"]


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Sequence[str]:
    return [name for name in ROW if one[name] != other[name]]


def _month(row: Mapping[str, Any]) -> str:
    return f"account_months of {row['dt_month']}"


def _text(value: Any) -> str:  # noqa: ANN401 -- a column's
    return "null" if value is None else f"'{value}'"
