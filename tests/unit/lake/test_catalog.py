"""The catalogue of the shipped queries: their headers, and the arguments for their parameters."""

import pytest

from ops.lake.query.catalog import InvalidArguments, Query, parsed
from tests.unit.lake.both_engines import QUERIES


def test_parameters_are_checked_before_the_query_runs() -> None:
    report = QUERIES["daily_report"]
    assert report.arguments({"day": "2026-11-25"}) == ["2026-11-25"] * 2
    assert QUERIES["largest_movements"].arguments({"from": "2026-01-01", "until": "2026-01-31"}) == [
        "2026-01-01",
        "2026-01-31",
        "10",
    ]
    with pytest.raises(InvalidArguments, match="needs day, the day"):
        report.arguments({})
    with pytest.raises(InvalidArguments, match="no parameter date; it has day"):
        report.arguments({"date": "2026-11-25"})
    for wrong in ("25.11.2026", "2026-02-30", "20261125", "2026-W48-3", "", "x"):
        with pytest.raises(InvalidArguments, match=r"day must be a date such as 2026-11-25"):
            report.arguments({"day": wrong})
    for wrong in ("-1", "+1", "1.5", "1_0", " 10", "ten", "", "\u0661\u0660", "9" * 5_000, str(10**12)):
        with pytest.raises(InvalidArguments, match="count must be a whole number such as 10"):
            QUERIES["largest_movements"].arguments({"from": "2026-01-01", "until": "2026-01-31", "count": wrong})


def test_a_moment_with_an_offset_is_converted_to_utc() -> None:
    arguments = QUERIES["balance_at"].arguments({"account": "a", "moment": "2026-01-01T00:30:00+01:00"})
    assert arguments == ["a", "0c", "2025-12-31 23:30:00", "2025-12", "2025-12-31", "1767223800000000"]
    with pytest.raises(InvalidArguments, match="moment"):
        QUERIES["balance_at"].arguments({"account": "a", "moment": "noon"})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("SELECT 1", "begin with"),
        ("-- other: x\nSELECT 1", "begin with"),
        ("-- q: x\nSELECT ?", "for each"),
        ("-- q: x\n-- parameter: day (date) d\nSELECT 1", "for each"),
        ("-- q: x\n-- parameter: day\nSELECT ?", "describe"),
        ("-- q: x\n-- parameter: day (moon) d\nSELECT ?", "describe"),
        ("-- q: x\n-- parameter: a (date) d\n-- parameter: a (date) d\nSELECT ?, ?", "describe"),
        ("-- q: x\n-- parameter: day of a\n-- parameter: a (timestamp) d\nSELECT ?, ?", "an earlier line describes"),
        ("-- q: x\n-- parameter: a (date) d\n-- parameter: day of a\nSELECT ?, ?", "a timestamp"),
        ("-- q: x\n-- parameter: a (date) d\n-- ordered: a <= b\nSELECT ?", "two dates"),
        ("-- q: x\n-- parameter: a (date) d\n-- parameter: b (string) d\n-- ordered: a <= b\nSELECT ?, ?", "two dates"),
        ("-- q: x\n-- parameter: a (date) d\n-- parameter: b (date) d\n-- ordered: a, b\nSELECT ?, ?", "two dates"),
    ],
)
def test_a_header_that_does_not_describe_its_query_is_refused(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parsed(source, "q")


def test_a_moment_before_the_year_1_in_utc_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="moment"):
        QUERIES["balance_at"].arguments({"account": "a", "moment": "0001-01-01T00:00:00+01:00"})


def test_an_empty_account_id_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="account must be text such as a-1"):
        QUERIES["balance_at"].arguments({"account": "", "moment": "2026-01-01T00:00:00"})


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("account_statement", "from", "until"),
        ("largest_movements", "from", "until"),
        ("data_quality", "from", "until"),
        ("report_totals", "first", "day"),
    ],
)
def test_a_range_that_ends_before_it_begins_is_refused(name: str, first: str, last: str) -> None:
    days = {first: "2026-01-02", last: "2026-01-01"}
    other = {each.name: "a" for each in QUERIES[name].parameters if each.kind == "string"}
    with pytest.raises(InvalidArguments, match=f"{first}, 2026-01-02, must not be after {last}, 2026-01-01"):
        QUERIES[name].arguments(days | other)
    assert QUERIES[name].arguments(days | other | {last: "2026-01-02"})


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_a_query_with_two_days_declares_their_order(query: Query) -> None:
    dates = {each.name for each in query.parameters if each.kind == "date"}
    assert {name for pair in query.ordered for name in pair} == (dates if len(dates) > 1 else set())
