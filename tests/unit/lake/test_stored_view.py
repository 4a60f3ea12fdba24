"""Views as Athena keeps them are recognized as ours, and others are not."""

import base64

import pytest

from ops.lake.query.duckdb_engine import EVENTS_SELECT
from ops.lake.query.history import History
from ops.lake.query.stored_view import is_same, select_in
from tests.support.athena_views import as_trino_writes, stored

COMPACTED = History(
    {"2026-01": ("2026-01-31", "2026-01-a"), "2026-03": ("2026-03-31", "2026-03-b")},
    frozenset({"2026-01-05", "2026-03-07"}),
)
FORMATTED = """SELECT
  event_id
, substr("dt", 1, 7) dt_month
, concat(substr(lower(to_hex(md5(to_utf8(account_id)))), 1, 1), (CASE WHEN (substr(account_id, 2, 1) < '4') THEN '0'
 WHEN (substr(account_id, 2, 1) < '8') THEN '4' ELSE 'c' END)) account_bucket
FROM
  (
   SELECT
     *
   , row_number() OVER (PARTITION BY dt, event_type ORDER BY published_at ASC NULLS LAST, schema_fingerprint ASC) copy
   FROM
     account_events
)  copies
WHERE ((copy = 1) AND ((dt < '2026-01-01') OR ((dt > '2026-01-31') AND (dt < '2026-03-01')))
 AND (NOT (dt IN ('a', 'b'))))
UNION ALL SELECT
  event_id
, dt_month
, account_bucket
FROM
  account_months
WHERE (dt_month IN ('2026-01'))
"""
"""By the rules of Trino's SqlFormatter and ExpressionFormatter."""
WRITTEN = """-- comment
SELECT event_id, substr(dt, 1, 7) AS dt_month,
  substr(lower(to_hex(md5(to_utf8(account_id)))), 1, 1) || CASE
    WHEN substr(account_id, 2, 1) < '4' THEN '0'
    WHEN substr(account_id, 2, 1) < '8' THEN '4'
    ELSE 'c'
  END AS account_bucket
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY dt, event_type ORDER BY published_at NULLS LAST, schema_fingerprint
  ) AS copy
  FROM account_events
) AS copies
WHERE copy = 1 AND (dt < '2026-01-01' OR (dt > '2026-01-31' AND dt < '2026-03-01')) AND dt NOT IN ('a', 'b')
UNION ALL SELECT event_id, dt_month, account_bucket FROM account_months WHERE dt_month IN ('2026-01')
"""


def test_a_formatted_select_is_the_one_that_was_written() -> None:
    assert is_same(WRITTEN, FORMATTED)


@pytest.mark.parametrize("select", [EVENTS_SELECT, History().select(), COMPACTED.select(), WRITTEN])
def test_a_stored_view_is_recognized(select: str) -> None:
    found = select_in(stored(select))
    assert found == as_trino_writes(select)
    assert found != select
    assert is_same(found or "", select)
    assert is_same(select, select)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("copy = 1", "copy = 2"),
        ("AND (dt <", "OR (dt <"),
        ("dt NOT IN", "dt IN"),
        ("'2026-01')", "'2026-02')"),
        ("'a', 'b'", "'a'"),
        ("published_at NULLS LAST", "published_at DESC"),
        ("published_at NULLS LAST", "published_at NULLS FIRST"),
        ("UNION ALL", "UNION"),
        ("FROM account_months", "FROM account_events"),
        ("dt, event_type ORDER", "dt ORDER"),
        ("SELECT event_id, dt_month,", "SELECT dt_month, event_id,"),
        ("AS account_bucket\nFROM", "AS bucket\nFROM"),
        ("'2026-01-31' AND dt", "'2026-01-31' OR dt"),
        ("ELSE 'c'", ""),
    ],
)
def test_another_select_is_not_the_same(before: str, after: str) -> None:
    assert before in WRITTEN
    assert not is_same(WRITTEN.replace(before, after, 1), FORMATTED)


def test_histories_of_other_files_are_not_the_same() -> None:
    others = [
        History(),
        History(COMPACTED.months),
        History({**COMPACTED.months, "2026-03": ("2026-03-31", "2026-03-c")}, COMPACTED.reopened),
        History({**COMPACTED.months, "2026-03": ("2026-03-30", "2026-03-b")}, COMPACTED.reopened),
    ]
    assert [is_same(as_trino_writes(each.select()), COMPACTED.select()) for each in others] == [False] * 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT 1",
        "/* Presto View */",
        "/* Presto View: !!! */",
        f"/* Presto View: {base64.b64encode(b'[]').decode()} */",
        f"/* Presto View: {base64.b64encode(b'{}').decode()} */",
        "/* Presto View: abc */",
    ],
)
def test_what_is_no_view_of_athena_has_no_select(text: str) -> None:
    assert select_in(text) is None


def test_what_is_no_sql_is_no_view_of_ours() -> None:
    assert not is_same("SELECT FROM WHERE (", EVENTS_SELECT)
